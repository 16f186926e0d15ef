"""Every prompt with its newest version and labels, beside the labels and where they point."""

from datetime import tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.foundation.wording import count, moment
from core.prompts.judging import LONGEST_TEMPLATE
from core.prompts.labels import PRODUCTION, labels
from core.prompts.library import create_prompt
from core.prompts.versions import LONGEST_NAME, Content
from core.prompts.views import PromptRow, prompts, usable_versions
from pages.prompts.address import go
from pages.prompts.moves import label_cards
from pages.shared.changing import changing
from pages.shared.forms import form_key, renew_form
from pages.shared.start import Desk, plain, refusal

FORM = "prompts_new"
EMPTY = "An empty page"


def prompt_list(desk: Desk, zone: tzinfo) -> None:
    """The list, and the labels in a column of their own."""
    everything = bool(st.session_state.get("prompts_archived"))
    with desk.services.database.transaction() as session:
        rows, found = prompts(session, archived=everything), labels(session)
    listed, pointing = st.columns([2.4, 1], gap="medium")
    with listed:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.toggle("Archived too", key="prompts_archived")
            _new(desk)
        if not rows:
            st.info("No prompt yet. Make the first one.")
        for row in rows:
            _row(row, zone)
    with pointing:
        st.markdown("**Labels**")
        if not found:
            st.caption("No label yet. Open a version and put one on it.")
        label_cards(desk, found, zone)


def label_badges(names: tuple[str, ...]) -> str:
    """Markdown of a version's labels; the one in production is green."""
    return "".join(
        f" :{'green' if name == PRODUCTION else 'gray'}-badge[:material/sell: {plain(name)}]"
        for name in names
    )


def _row(row: PromptRow, zone: tzinfo) -> None:
    with st.container(border=True):
        words, facts, button = st.columns([3, 1.6, 0.8], vertical_alignment="center")
        put_away = " :gray-badge[Archived]" if row.archived else ""
        words.markdown(
            f"**{plain(row.name)}**{label_badges(tuple(row.labels))}{put_away}  \n"
            f":small[:gray[{plain(row.description)}]]"
        )
        facts.markdown(
            f":small[v{row.newest_number}, {count(row.versions, 'version')}]  \n"
            f":small[:gray[saved {moment(row.saved_at, zone)}]]"
        )
        button.button(
            "Open", key=f"prompts_open_{row.id}", width="stretch", on_click=go, kwargs={"prompt": row.id}
        )


def _new(desk: Desk) -> None:
    no = refusal(desk.actor, Permission.EDIT_PROMPTS)
    key = form_key(FORM)
    with st.popover(
        "New prompt", icon=":material/add:", disabled=bool(no), help=no, key=f"prompts_box_{key}"
    ):
        if no:
            return
        with desk.services.database.transaction() as session:
            usable = {each.title: each for each in usable_versions(session)}
        name = st.text_input("Name", key=f"prompts_name_{key}", max_chars=LONGEST_NAME)
        description = st.text_input("What it is for", key=f"prompts_description_{key}", max_chars=200)
        start = st.selectbox("Start from", [*usable, EMPTY], key=f"prompts_from_{key}")
        template = None
        if start == EMPTY:
            template = st.text_area("Template", key=f"prompts_template_{key}", max_chars=LONGEST_TEMPLATE)
        if not st.button("Make it", key=f"prompts_make_{key}", type="primary", width="stretch"):
            return
        source = usable.get(start)
        if source is not None:
            content, note = source.content, f"From {source.title}"
        else:
            content, note = Content(template or "", desk.services.settings.model, {}), ""
        with changing(desk, f"{name.strip()} is in the library") as (session, actor):
            made = create_prompt(
                session, actor=actor, name=name, description=description, content=content, note=note
            )
            renew_form(FORM)
            go(prompt=made.prompt_id, version=made.id)
