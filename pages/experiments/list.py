"""The list of experiments."""

from datetime import tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.experiments.views import Progress, experiments
from core.foundation.wording import moment
from pages.experiments.address import FILE, NEW, OPEN, go_to
from pages.experiments.import_button import import_button
from pages.experiments.imported import imported_list
from pages.experiments.words import STATES, money, shape, standing
from pages.shared.links import page_link
from pages.shared.start import Desk, operator_errors, plain, refusal

LIVE = "2s"


def experiment_list(desk: Desk, zone: tzinfo) -> None:
    """The latest experiments, the newest first; while one runs, the list follows it."""
    no = refusal(desk.actor, Permission.RUN_EXPERIMENTS)
    with st.container(horizontal=True):
        st.button(
            "New experiment",
            key="experiments_new",
            type="primary",
            icon=":material/add:",
            disabled=bool(no),
            help=no,
            on_click=go_to,
            args=(NEW,),
        )
        import_button(desk)
    live = any(each.active for each in _load(desk))
    st.fragment(_rows, run_every=LIVE if live else None)(desk, zone, live)
    imported_list(desk, zone)


def _rows(desk: Desk, zone: tzinfo, live: bool) -> None:
    with operator_errors():
        found = _load(desk)
        if live and not any(each.active for each in found):
            st.rerun()
        if not found:
            st.info(
                "No experiment yet. One compares up to 8 prompt versions on the same selfies, tells its "
                "price before it starts, and never buys an image twice.",
                icon=":material/science:",
            )
        for each in found:
            _row(each, zone)


def _row(seen: Progress, zone: tzinfo) -> None:
    with st.container(border=True, gap="xsmall", key=f"experiments_row_{seen.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            page_link(FILE, plain(seen.name), icon=":material/grid_view:", **{OPEN: str(seen.id)})
            st.markdown(STATES[seen.state], width="content")
        st.progress(seen.settled / max(seen.total, 1), text=plain(f"{standing(seen)} · {money(seen)}"))
        st.caption(
            plain(
                f"{shape(seen)} of {seen.test_set} v{seen.set_version} · {seen.started_by or seen.created_by}"
                f", {moment(seen.started_at or seen.created_at, zone)}"
            )
        )


def _load(desk: Desk) -> list[Progress]:
    with desk.services.database.transaction() as session:
        return experiments(session, desk.services.settings)
