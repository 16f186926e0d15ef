"""The diff of two versions: every changed word and parameter, and nothing that is equal."""

import random
import time

import pytest

from core.prompts.diff import Change, Piece, Side, diff_parameters, diff_words, words_changed
from core.prompts.starter import STARTER_TEMPLATE


def test_one_changed_word_is_one_removed_and_one_added() -> None:
    pieces = diff_words("A tall hero, seated.", "A small hero, seated.")

    assert pieces == [
        Piece(Side.BOTH, "A "),
        Piece(Side.REMOVED, "tall "),
        Piece(Side.ADDED, "small "),
        Piece(Side.BOTH, "hero, seated."),
    ]
    assert words_changed(pieces) == (1, 1)


@pytest.mark.parametrize(("before", "after"), [("", ""), ("", "a b"), ("a b", ""), ("same", "same")])
def test_empty_and_equal_texts_have_no_empty_pieces(before: str, after: str) -> None:
    pieces = diff_words(before, after)

    assert all(piece.text for piece in pieces)
    assert words_changed(pieces) == (
        len(after.split()) * (before != after),
        len(before.split()) * (before != after),
    )


@pytest.mark.parametrize("seed", range(40))
def test_both_texts_can_be_read_from_the_pieces(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a plan that can be repeated
    words = [
        "hero",
        "caf\u00e9",
        "\n",
        "\t",
        "  ",
        "80 %",
        "{{ pose }}",
        ",",
        ".",
        "\U0001f58b",
        "a-b",
        "\r\n",
    ]

    def text() -> str:
        return "".join(chance.choice(words) + chance.choice(["", " "]) for _ in range(chance.randrange(60)))

    before, after = text(), text()
    pieces = diff_words(before, after)

    assert "".join(piece.text for piece in pieces if piece.side is not Side.ADDED) == before
    assert "".join(piece.text for piece in pieces if piece.side is not Side.REMOVED) == after


def test_the_longest_texts_are_compared_while_one_waits() -> None:
    chance = random.Random(7)  # noqa: S311 - a plan that can be repeated
    words = STARTER_TEMPLATE.split(" ")
    before = " ".join(chance.choice(words) for _ in range(3_000))
    after = " ".join(chance.choice(words) for _ in range(3_000))
    begun = time.process_time()

    diff_words(before, after)

    assert time.process_time() - begun < 10


def test_equal_parameters_are_hidden_and_missing_ones_told() -> None:
    before = {"model": "a", "quality": "low", "input_fidelity": "high", "moderation": "auto"}
    after = {"model": "b", "quality": "low", "moderation": "auto", "background": "opaque"}

    assert diff_parameters(before, after) == [
        Change("model", "a", "b"),
        Change("background", None, "opaque"),
        Change("input_fidelity", "high", None),
    ]
