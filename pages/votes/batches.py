"""The list of batches of blind pairs, and the form that draws a new one."""

import streamlit as st

from core.foundation.wording import count, moment
from core.votes.batches import BatchRow, Progress, batches, create_batch, progress, variant_names
from pages.shared.changing import changing
from pages.shared.clock import zone
from pages.shared.start import Desk, plain
from pages.votes.address import experiment_picker


def batches_view(desk: Desk) -> None:
    """A new batch, then all others with how far this rater is."""
    _new(desk)
    with desk.services.database.transaction() as session:
        rows = batches(session)
        far = {each.id: progress(session, actor=desk.actor, batch_id=each.id) for each in rows[:20]}
    if not rows:
        st.caption(
            "No batch yet. A batch holds pairs of images of the same selfie; names are told at its end."
        )
    for row in rows[:20]:
        _row(row, far[row.id])


def _new(desk: Desk) -> None:
    with st.container(border=True):
        experiment_id = experiment_picker(desk)
        if experiment_id is None:
            return
        with desk.services.database.transaction() as session:
            names = variant_names(session, experiment_id)
        chosen = st.multiselect(
            "Variants",
            list(names),
            default=list(names),
            key=f"votes_variants_{experiment_id}",
            format_func=names.__getitem__,
        )
        if st.button("New batch", key="votes_new", type="primary", icon=":material/how_to_vote:"):
            if len(chosen) < 2:
                st.error("Choose at least two variants.")
                return
            with changing(desk, "The pairs are drawn") as (session, actor):
                made = create_batch(session, actor=actor, experiment_id=experiment_id, variant_ids=chosen)
                st.query_params["batch"] = str(made.id)


def _row(row: BatchRow, far: Progress) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        state = "closed" if far.closed else ("done" if far.over else f"{far.done} of {far.total} done")
        st.markdown(
            f"**Batch {row.id}** · {plain(row.experiment)} · {count(row.pairs, 'pair')} · "
            f"{count(row.votes, 'vote')} of {count(row.raters, 'rater')} · "
            f":gray[{moment(row.created_at, zone())}] · you: {state}"
        )
        label = "See the result" if far.over else ("Go on" if far.done else "Vote")
        st.button(label, key=f"votes_open_{row.id}", on_click=_open, args=(row.id,))


def _open(batch_id: int) -> None:
    st.query_params["batch"] = str(batch_id)
