"""The Prompts page: a tuner edits, compares, promotes and takes back; others see and are told why not."""

import pytest
from streamlit.testing.v1 import AppTest

from core.catalog.models import MODELS
from core.foundation.errors import NotFound
from core.prompts.labels import PRODUCTION, history, labelled, labels
from core.prompts.library import get_version, rename_prompt, save_version
from core.prompts.snippets import save_snippet, snippets
from core.prompts.versions import Content
from core.prompts.views import prompts, version, versions
from core.tables.prompts import PromptVersion
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.desk import TestDesk
from tests.support.prompts import put_production

PAGE = "pages/prompts/page.py"
STRANGE = "openai/dall-e-9"


def production(desk: TestDesk) -> PromptVersion:
    with desk.database.transaction() as session:
        return labelled(session)


def save(desk: TestDesk, template: str, note: str = "", **parameters: str) -> PromptVersion:
    """An edit of what is in production."""
    former = production(desk)
    with desk.database.transaction() as session:
        return save_version(
            session,
            actor=desk.admin,
            prompt_id=former.prompt_id,
            parent_id=former.id,
            content=Content(template, former.model, former.parameters | parameters),
            note=note,
        )


def promote(desk: TestDesk, version_id: int) -> None:
    with desk.database.transaction() as session:
        put_production(session, desk.admin, version_id, seen=labels(session)[0].moves)


def of(version_id: int) -> dict[str, str]:
    return {"version": str(version_id)}


def html(at: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in at.get("html"))


def test_the_list_shows_every_prompt_and_where_production_points(open_page: OpenPage) -> None:
    at = open_page(PAGE)

    text = said(at)
    for name in ("Ink and halftone", "Manga", "Ligne claire", "Noir", "Chibi", "Retro hero"):
        assert f"**{name}**" in text
    assert at.button(key="prompts_labelled_production").label == "Ink and halftone v1"
    button(at, "Open").click().run()
    assert at.query_params["version"]


def test_a_link_opens_a_version_with_text_parameters_preview_and_lint(
    open_page: OpenPage, desk: TestDesk
) -> None:
    made = save(desk, "A hero in {{ outfit }} near {{ place }}", "shorter", quality="high")

    at = open_page(PAGE, query=of(made.id))

    page = f"prompts_{made.id}"
    assert at.text_area(key=f"{page}_template").value == "A hero in {{ outfit }} near {{ place }}"
    assert at.selectbox(key=f"{page}_parameter_quality").value == "high"
    assert at.text[0].value == "A hero in a casual jacket, long trousers and sneakers near [place]"
    assert "It does not ask for the whole figure" in said(at)
    at.text_input(key=f"{page}_value_place").set_value("the harbour").run()
    assert at.text[0].value.endswith("near the harbour")


def test_an_edit_is_saved_as_the_next_version_and_compared_with_its_parent(
    open_page: OpenPage, desk: TestDesk
) -> None:
    first = production(desk)
    at = open_page(PAGE, persona="tuner", query=of(first.id))
    page = f"prompts_{first.id}"
    assert button(at, "Save as new version").disabled

    at.text_area(key=f"{page}_template").set_value(first.template.replace("Style:", "Manner:")).run()
    at.selectbox(key=f"{page}_parameter_quality").set_value("high").run()
    at.text_input(key=f"{page}_note").set_value("manner, not style").run()
    button(at, "Save as new version").click().run()

    assert not at.exception
    with desk.database.transaction() as session:
        newest = versions(session, first.prompt_id)[0]
    assert (newest.number, newest.note, newest.author) == (2, "manner, not style", "Tom (prompt tuner)")
    assert newest.parent == "Ink and halftone v1"
    assert at.query_params["version"] == str(newest.id)
    assert at.query_params["compare"] == str(first.id)
    assert "Ink and halftone v1 → Ink and halftone v2" in said(at)
    assert "<del>Style</del><ins>Manner</ins>" in html(at)
    assert production(desk).id == first.id
    with desk.database.transaction() as session:
        assert get_version(session, first.id).template_hash == first.template_hash


def test_the_diff_shows_what_changed_hides_what_is_equal_and_runs_nothing(
    open_page: OpenPage, desk: TestDesk
) -> None:
    first = production(desk)
    second = save(desk, first.template + "<script>alert(1)</script>", background="auto")

    at = open_page(PAGE, query={**of(second.id), "compare": str(first.id)})

    assert "<ins>" in html(at)
    assert "<script>" not in html(at)
    assert "&lt;script&gt;" in html(at)
    table = at.table[0].value.to_string()
    assert "Canvas" in table
    assert "opaque → auto" in table
    assert "Quality" not in table


def test_production_is_moved_with_a_reason_and_rolled_back_in_one_click(
    open_page: OpenPage, desk: TestDesk
) -> None:
    first, second = production(desk), save(desk, "A full-body hero")
    at = open_page(PAGE, persona="tuner", query=of(second.id))
    assert "production" not in at.selectbox(key=f"prompts_label_{second.id}_name").options
    button(at, "Promote").click().run()

    button(at, "Promote Ink and halftone v2 all the same").click().run()
    assert "Say why it is promoted although" in at.error[0].value
    at.text_input(key=f"promotion_{second.id}_why").set_value("wins 7 of 10").run()
    button(at, "Promote Ink and halftone v2 all the same").click().run()

    assert not at.error
    assert production(desk).id == second.id
    at = open_page(PAGE, persona="tuner")
    assert "Tom (prompt tuner): **Ink and halftone v1 → Ink and halftone v2**" in said(at)
    assert "wins 7 of 10" in said(at)
    button(at, "Roll back to Ink and halftone v1").click().run()
    assert production(desk).resolved.encode() == first.resolved.encode()
    assert has_button(at, "Roll back to Ink and halftone v2")


def test_a_page_that_is_stale_moves_nothing_and_says_who_was_faster(
    open_page: OpenPage, desk: TestDesk
) -> None:
    second, third = save(desk, "A second hero"), save(desk, "A third hero")
    at = open_page(PAGE, persona="tuner", query=of(second.id))
    button(at, "Promote").click().run()
    at.text_input(key=f"promotion_{second.id}_why").set_value("mine").run()
    promote(desk, third.id)

    button(at, "Promote Ink and halftone v2 all the same").click().run()

    assert "Ada (admin) has moved production to Ink and halftone v3 meanwhile" in at.error[0].value
    assert production(desk).id == third.id


def test_a_stale_roll_back_is_refused_too(open_page: OpenPage, desk: TestDesk) -> None:
    second, third = save(desk, "A second hero"), save(desk, "A third hero")
    promote(desk, second.id)
    at = open_page(PAGE)
    promote(desk, third.id)

    button(at, "Roll back to Ink and halftone v1").click().run()

    assert "meanwhile" in at.error[0].value
    assert production(desk).id == third.id


def test_an_own_label_is_made_and_removed_with_reasons(open_page: OpenPage, desk: TestDesk) -> None:
    second = save(desk, "A second hero")
    at = open_page(PAGE, persona="tuner", query=of(second.id))
    key = f"prompts_label_{second.id}"
    at.selectbox(key=f"{key}_name").set_value("A new label").run()
    at.text_input(key=f"{key}_own").set_value("candidate")
    at.text_input(key=f"{key}_why").set_value("to be voted on").run()
    button(at, "Put it here").click().run()
    assert not at.error

    at = open_page(PAGE, persona="tuner")
    assert at.button(key="prompts_labelled_candidate").label == "Ink and halftone v2"
    at.text_input(key="prompts_remove_reason_candidate").set_value("lost").run()
    button(at, "Remove label").click().run()

    with desk.database.transaction() as session:
        assert [each.name for each in labels(session)] == [PRODUCTION]
        assert [each.reason for each in history(session, "candidate")] == ["lost", "to be voted on"]


def test_a_labelled_version_is_not_archived_an_other_one_is_and_comes_back(
    open_page: OpenPage, desk: TestDesk
) -> None:
    first, second = production(desk), save(desk, "A second hero")
    at = open_page(PAGE, query=of(first.id))
    at.button(key=f"prompts_put_away_{first.id}").click().run()
    assert "The label production points at it" in at.error[0].value

    at = open_page(PAGE, query=of(second.id))
    at.button(key=f"prompts_put_away_{second.id}").click().run()
    at.button(key=f"prompts_restore_{second.id}").click().run()
    with desk.database.transaction() as session:
        assert version(session, second.id).usable


def test_a_slip_is_deleted_and_what_is_in_use_is_not(open_page: OpenPage, desk: TestDesk) -> None:
    first, slip = production(desk), save(desk, "A slip")
    at = open_page(PAGE, query=of(first.id))
    at.button(key=f"prompts_delete_{first.id}").click().run()
    assert "so it cannot be deleted" in at.error[0].value

    at = open_page(PAGE, query=of(slip.id))
    at.button(key=f"prompts_delete_{slip.id}").click().run()

    assert not at.error
    with desk.database.transaction() as session, pytest.raises(NotFound):
        get_version(session, slip.id)


def test_a_new_prompt_starts_from_any_version(open_page: OpenPage, desk: TestDesk) -> None:
    at = open_page(PAGE, persona="tuner")
    form = at.session_state["prompts_new_form_key"]
    at.text_input(key=f"prompts_name_{form}").set_value("Woodcut")
    at.selectbox(key=f"prompts_from_{form}").set_value("Noir v1").run()
    button(at, "Make it").click().run()

    assert not at.exception
    assert not at.error
    with desk.database.transaction() as session:
        made = next(row for row in prompts(session) if row.name == "Woodcut")
        shown = version(session, made.newest_id)
        noir = next(row for row in prompts(session) if row.name == "Noir")
        assert shown.template == version(session, noir.newest_id).template
    assert shown.note == "From Noir v1"
    assert at.query_params["version"] == str(shown.id)


def test_a_prompt_is_archived_and_found_again(open_page: OpenPage, desk: TestDesk) -> None:
    with desk.database.transaction() as session:
        chibi = next(row for row in prompts(session) if row.name == "Chibi")
    at = open_page(PAGE, query={"prompt": str(chibi.id)})
    button(at, "Archive prompt").click().run()
    assert has_button(at, "Restore prompt")

    at = open_page(PAGE)
    assert "**Chibi**" not in said(at)
    at.toggle(key="prompts_archived").set_value(True).run()
    assert "**Chibi**" in said(at)


def test_a_changed_snippet_makes_new_versions_and_moves_no_label(open_page: OpenPage, desk: TestDesk) -> None:
    first = production(desk)
    with desk.database.transaction() as session:
        framing = next(each for each in snippets(session) if each.name == "framing")
    at = open_page(PAGE, persona="tuner", query={"view": "snippets"})
    key = f"prompts_snippet_{framing.id}"
    at.text_area(key=f"{key}_text").set_value("Framing: full body, feet included.").run()
    at.text_input(key=f"{key}_note").set_value("short").run()

    button(at, "Save, 8 new versions").click().run()

    assert not at.error
    with desk.database.transaction() as session:
        rows = prompts(session)
        assert {row.newest_number for row in rows} == {2}
        assert {version(session, row.newest_id).note for row in rows} == {"Snippet framing v2: short"}
    assert at.text_area(key=f"{key}_text").value == "Framing: full body, feet included."
    assert not has_button(at, "Save,")
    assert production(desk).id == first.id


def test_a_stale_snippet_is_refused(open_page: OpenPage, desk: TestDesk) -> None:
    with desk.database.transaction() as session:
        framing = next(each for each in snippets(session) if each.name == "framing")
    at = open_page(PAGE, persona="tuner", query={"view": "snippets"})
    at.text_area(key=f"prompts_snippet_{framing.id}_text").set_value("Framing: mine.").run()
    with desk.database.transaction() as session:
        save_snippet(session, actor=desk.admin, snippet_id=framing.id, seen_number=1, text="Framing: hers.")

    button(at, "Save, 8 new versions").click().run()

    assert "Version 2 of framing was saved meanwhile" in at.error[0].value
    field = at.text_area(key=f"prompts_snippet_{framing.id}_text")
    assert field.value == "Framing: mine."
    button(at, "Take back edits").click().run()
    assert at.text_area(key=f"prompts_snippet_{framing.id}_text").value == "Framing: hers."


def test_a_viewer_sees_everything_and_changes_nothing(open_page: OpenPage, desk: TestDesk) -> None:
    first, second = production(desk), save(desk, "A second hero")
    promote(desk, second.id)
    at = open_page(PAGE, persona="viewer")
    assert button(at, "Roll back to").disabled

    at = open_page(PAGE, persona="viewer", query={**of(first.id), "compare": str(second.id)})

    assert at.text_area(key=f"prompts_{first.id}_template").disabled
    assert not has_button(at, "Save as new version")
    assert "<ins>" in html(at)
    for label in ("Archive", "Delete", "Archive prompt"):
        assert button(at, label).disabled


def test_an_operator_rolls_production_back_but_edits_nothing(open_page: OpenPage, desk: TestDesk) -> None:
    first = production(desk)
    promote(desk, save(desk, "A second hero").id)
    at = open_page(PAGE, persona="operator")

    button(at, "Roll back to").click().run()

    assert production(desk).id == first.id
    assert not has_button(at, "Make it")


@pytest.mark.parametrize("query", [{"version": "4711"}, {"prompt": "4711"}, {"prompt": "9" * 18}])
def test_what_is_not_there_is_said_with_a_way_back(open_page: OpenPage, query: dict[str, str]) -> None:
    at = open_page(PAGE, query=query)

    assert at.error[0].value.startswith("There is no prompt")


def test_nonsense_in_the_address_is_the_list(open_page: OpenPage) -> None:
    at = open_page(PAGE, query={"prompt": "x", "version": "-1", "compare": "<b>", "view": "?"})

    assert "**Manga**" in said(at)


def test_a_prompt_is_renamed_on_its_page(open_page: OpenPage, desk: TestDesk) -> None:
    first = production(desk)
    at = open_page(PAGE, query=of(first.id))
    at.text_input(key=f"prompts_name_{first.prompt_id}").set_value("Noir").run()
    button(at, "Rename it").click().run()
    assert "There is a prompt 'Noir' already" in at.error[0].value
    at.text_input(key=f"prompts_name_{first.prompt_id}").set_value("House style").run()
    button(at, "Rename it").click().run()
    assert not at.exception
    with desk.database.transaction() as session:
        assert version(session, first.id).prompt == "House style"
    with desk.database.transaction() as session:
        rename_prompt(session, actor=desk.admin, prompt_id=first.prompt_id, seen="House style", name="Theirs")
    at.text_input(key=f"prompts_name_{first.prompt_id}").set_value("Mine")
    button(at, "Rename it").click().run()
    assert "It was renamed to Theirs meanwhile" in at.error[0].value


def test_the_versions_of_a_snippet_are_listed_with_what_changed(open_page: OpenPage, desk: TestDesk) -> None:
    with desk.database.transaction() as session:
        first = next(each for each in snippets(session) if each.used_by)
        save_snippet(
            session,
            actor=desk.admin,
            snippet_id=first.id,
            seen_number=1,
            text=f"{first.text} Really.",
            note="Firmer",
        )
    at = open_page(PAGE, query={"view": "snippets"})
    at.toggle(key=f"prompts_snippet_{first.id}_history").set_value(True).run()
    assert "**v2** Firmer" in said(at)
    assert f"{first.used_by[0]} v2" in said(at)
    assert "Really</ins>" in html(at)


def test_a_version_whose_model_is_not_in_the_catalog_opens_and_can_be_saved_with_one_that_is(
    open_page: OpenPage, desk: TestDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, STRANGE, MODELS[desk.services.settings.model])
    former = production(desk)
    with desk.database.transaction() as session:
        content = Content(former.template, STRANGE, {"quality": "low"})
        made = save_version(
            session, actor=desk.admin, prompt_id=former.prompt_id, parent_id=former.id, content=content
        )
    monkeypatch.delitem(MODELS, STRANGE)

    at = open_page(PAGE, query=of(made.id))

    assert at.selectbox(key=f"prompts_{made.id}_model").value == desk.services.settings.model
    button(at, "Save as new version").click().run()
    with desk.database.transaction() as session:
        newest = versions(session, former.prompt_id)[0]
    assert (newest.model, newest.parameters["quality"]) == (desk.services.settings.model, "low")
    assert newest.parent == f"{newest.prompt} v{made.number}"
