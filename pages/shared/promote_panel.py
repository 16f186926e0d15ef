"""The gate on a page: every condition with its figure, the reason where one is not met, and Promote."""

from collections.abc import Sequence

import streamlit as st

from core.access.permissions import Permission
from core.foundation.wording import count
from core.promotion.conditions import Condition
from core.promotion.gate import Gate, gate, promotable
from core.prompts.labels import LONGEST_REASON, PRODUCTION
from core.prompts.views import Version
from pages.shared.links import page_link
from pages.shared.promote_steps import ask_promote
from pages.shared.start import Desk, operator_errors, plain, refusal

OPEN = "promotion_open"


def promote_button(desk: Desk, chosen: Version) -> None:
    """Opens the gate for this version, and closes it again."""
    if not chosen.usable or PRODUCTION in chosen.labels:
        return
    no = refusal(desk.actor, Permission.MOVE_PRODUCTION)
    st.button(
        "Promote",
        key=f"promotion_open_{chosen.id}",
        icon=":material/rocket_launch:",
        disabled=bool(no),
        help=no or "Shows what the evidence says, before anything moves.",
        on_click=_toggle,
        args=(chosen.id,),
    )


def promoting(chosen: Version) -> bool:
    """Whether the gate is open for this version."""
    return bool(st.session_state.get(OPEN) == chosen.id) and chosen.usable and PRODUCTION not in chosen.labels


def promote_from(desk: Desk, experiment_id: int, versions: Sequence[tuple[int, str]]) -> None:
    """The gate below a verdict; `versions` are variants with their names, the strongest first."""
    with desk.services.database.transaction() as session:
        found = promotable(session, experiment_id)
    names = {found[variant]: name for variant, name in versions if variant in found}
    st.markdown("#### Promote")
    if not names:
        st.caption(
            "No version of this experiment can be promoted: it takes a saved one, drawn with its own "
            "parameters, that is not in production already."
        )
        return
    chosen = next(iter(names))
    if len(names) > 1:
        chosen = st.segmented_control(
            "Version to promote",
            list(names),
            default=chosen,
            required=True,
            key=f"promotion_version_{experiment_id}",
            format_func=lambda each: plain(names[each]),
        )
    promote_panel(desk, chosen, experiment_id=experiment_id)


def promote_panel(desk: Desk, version_id: int, *, experiment_id: int | None = None) -> None:
    """The conditions of a version; without an experiment by the best evidence there is."""
    with operator_errors(), st.container(border=True, key=f"promotion_gate_{version_id}"):
        with desk.services.database.transaction() as session:
            found = gate(session, actor=desk.actor, version_id=version_id, experiment_id=experiment_id)
        if found is None:
            st.info("Nothing is in production yet, or this version is. Put the label on it where it is not.")
            return
        _evidence(found, linked=experiment_id is None)
        conditions(found.conditions)
        _move(desk, found)


def conditions(found: Sequence[Condition]) -> None:
    """Each with a tick or a cross, what was found and what is asked for."""
    lines = []
    for each in found:
        mark = ":green[:material/check_circle:]" if each.met else ":red[:material/cancel: **Not met**]"
        asked = f":small[:gray[(asked for: {plain(each.limit)})]]"
        lines.append(f"{mark} **{plain(each.title)}**: {plain(each.figure)} {asked}")
    st.markdown("  \n".join(lines))


def _evidence(found: Gate, *, linked: bool) -> None:
    told = f"**{plain(found.title)}** in place of **{plain(found.production)}**, which customers get now"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(told, width="content")
        if linked and found.evidence.experiment_id is not None:
            page_link(
                "votes/page.py",
                plain(f"by the verdict of experiment “{found.evidence.experiment}”"),
                icon=":material/gavel:",
                view="verdict",
                experiment=str(found.evidence.experiment_id),
            )


def _move(desk: Desk, found: Gate) -> None:
    no = refusal(desk.actor, Permission.MOVE_PRODUCTION)
    key = f"promotion_{found.version_id}"
    blocked = found.blocked
    if blocked:
        st.warning(
            f"{count(len(blocked), 'condition')} not met. It can be promoted all the same, with a reason "
            "that is kept with the move.",
            icon=":material/block:",
        )
    st.text_input(
        "Why promote it all the same" if blocked else "Note, kept with the move",
        key=f"{key}_why",
        max_chars=LONGEST_REASON,
        placeholder="Needed" if blocked else "",
        disabled=bool(no),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            plain(f"Promote {found.title}{' all the same' if blocked else ''}"),
            key=f"{key}_go",
            type="secondary" if blocked else "primary",
            icon=":material/rocket_launch:",
            disabled=bool(no),
            help=no,
            on_click=ask_promote,
            args=(key, found.title, bool(blocked)),
            kwargs={
                "version_id": found.version_id,
                "seen_moves": found.moves,
                "experiment_id": found.evidence.experiment_id,
            },
        )
        st.toggle(
            "Roll back automatically",
            value=True,
            key=f"{key}_automatic",
            disabled=bool(no),
            help="Customers' jobs are watched after the move. If clearly more are refused than of the "
            "version before, that one comes back by itself; switched off, it is only offered.",
        )


def _toggle(version_id: int) -> None:
    st.session_state[OPEN] = None if st.session_state.get(OPEN) == version_id else version_id
