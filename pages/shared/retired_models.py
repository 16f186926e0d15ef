"""Prompts whose model has ended or ends soon: said once, with a button that saves them with the next."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.foundation.wording import count
from core.prompts.retired import Retired, Retirements, Saved, save_with_successors
from pages.shared.links import page_link
from pages.shared.start import Desk, flash, operator_errors, plain, refusal

FEW = 8
PRESSED = "overview_retired_pressed"


def retired_models(desk: Desk, seen: Retirements) -> None:
    """The notice, where there is anything to say; what was pressed is done first, and told."""
    # Before anything else: where somebody else has saved them meanwhile, the button is not drawn again.
    if st.session_state.pop(PRESSED, False):
        _save(desk, seen)
    if not seen.newest and not seen.labelled:
        return
    with st.container(border=True, gap="xsmall", key="overview_retired"):
        st.markdown(":material/event_busy: **Prompts whose model ends**")
        for line in _reasons(seen):
            st.markdown(plain(line))
        if seen.savable:
            _button(desk, seen)
        _links("For these no model follows, so choose another one yourself:", seen.by_hand)
        _links(
            "Labels still at such a version; they move only by hand, production through its gate:",
            seen.labelled,
        )


def _reasons(seen: Retirements) -> list[str]:
    """A line a model: why it is named, and how many prompts have it."""
    prompts = Counter(each.model for each in seen.newest)
    models = dict.fromkeys(each.model for each in (*seen.newest, *seen.labelled))
    return [
        seen.reason(model)
        + (f" The newest version of {count(prompts[model], 'prompt')} names it." if prompts[model] else "")
        for model in models
    ]


def _button(desk: Desk, seen: Retirements) -> None:
    models = sorted({str(each.successor) for each in seen.savable})
    no = refusal(desk.actor, Permission.EDIT_PROMPTS)
    st.button(
        f"Save {count(len(seen.savable), 'version')} with {' or '.join(models)}",
        key="overview_retired_save",
        icon=":material/upgrade:",
        disabled=bool(no),
        help=no or "Each prompt gets a new version with the same words. No label moves.",
        on_click=_press,
    )


def _press() -> None:
    st.session_state[PRESSED] = True


def _save(desk: Desk, seen: Retirements) -> None:
    with operator_errors():
        with desk.services.database.transaction() as session:
            actor = actor_by_id(session, desk.actor.id)
            saved = save_with_successors(session, actor=actor, today=seen.day)
        flash(_told(saved))
        st.rerun()


def _told(saved: Saved) -> str:
    if not saved.titles and not saved.refused:
        return "Nothing was left to save: somebody has done it meanwhile."
    done = [f"Saved {count(len(saved.titles), 'version')}."] if saved.titles else []
    return " ".join([*done, *saved.refused])


def _links(title: str, found: Sequence[Retired]) -> None:
    if not found:
        return
    st.caption(title)
    with st.container(horizontal=True, gap="small"):
        for each in found[:FEW]:
            name = f"{each.label}: {each.title}" if each.label else each.title
            icon = ":material/sell:" if each.label else ":material/edit_note:"
            page_link("prompts/page.py", plain(name), icon=icon, prompt=str(each.prompt_id))
    if len(found) > FEW:
        st.caption(f"and {len(found) - FEW:,} more")
