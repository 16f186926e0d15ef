"""The picture in docs/architecture.md is that of today's code."""

from docs import packages


def test_the_picture_of_the_packages_is_fresh() -> None:
    text = packages.PAGE.read_text(encoding="utf-8")
    assert packages.drawn(text) == text, "run `python -m docs.packages`"


def test_every_package_says_what_it_holds() -> None:
    assert [name for name in packages.arrows() if not packages.purpose(name)] == []


def test_an_arrow_that_follows_from_others_is_not_drawn() -> None:
    found = {
        "a": frozenset({"b", "c"}),
        "b": frozenset({"c"}),
        "c": frozenset[str](),
    }
    assert packages.needed(found) == {"a": {"b"}, "b": {"c"}, "c": set()}
