"""The images of an experiment as a plain table: rows are selfies, columns variants, samples side by side."""

import streamlit as st

from core.prompts.experiments.views import CellView, Grid, grid
from core.wording import count, dollars
from pages.components.pictures import show_picture
from pages.components.start import Desk, operator_errors, plain

ROWS_AT_ONCE = 10
# Icons of what is not an image yet.
STAGES = {"missing": ":material/pending: Missing", "running": ":material/sync: Under way"}


def experiment_cells(desk: Desk, number: int) -> None:
    """The table; of many selfies the first ones, until all are asked for."""
    with operator_errors():
        with desk.services.database.transaction() as session:
            found = grid(session, number)
        rows = found.selfies
        if len(rows) > ROWS_AT_ONCE and not st.toggle(
            f"Show all {count(len(rows), 'selfie', 'selfies')}", key="experiments_all_rows"
        ):
            rows = rows[:ROWS_AT_ONCE]
        _table(found, [row.id for row in rows])


def _table(found: Grid, shown: list[int]) -> None:
    cells: dict[tuple[int, int], list[CellView]] = {}
    for cell in found.cells:
        cells.setdefault((cell.selfie_id, cell.variant_id), []).append(cell)
    widths = [1, *([2] * len(found.variants))]
    head = st.columns(widths)
    for place, variant in zip(head[1:], found.variants, strict=True):
        place.markdown(f"**{plain(variant.label)}**  \n:small[{plain(dollars(variant.price_usd))} an image]")
    for selfie in found.selfies:
        if selfie.id not in shown:
            continue
        row = st.columns(widths)
        with row[0]:
            show_picture(selfie.thumbnail_key, alt=f"Selfie {selfie.id}")
            st.caption(plain(", ".join(selfie.tags) or f"Selfie {selfie.id}"))
        for place, variant in zip(row[1:], found.variants, strict=True):
            with place:
                _cell(cells.get((selfie.id, variant.id), []), variant.label)


def _cell(samples: list[CellView], label: str) -> None:
    places = st.columns(len(samples)) if len(samples) > 1 else [st.container()] * len(samples)
    for place, sample in zip(places, samples, strict=True):
        with place:
            _sample(sample, label)


def _sample(sample: CellView, label: str) -> None:
    if sample.thumbnail_key:
        show_picture(sample.thumbnail_key, alt=f"{label}, sample {sample.repeat}")
        st.caption(plain(_facts(sample)))
    elif sample.state == "failed":
        st.error(
            f"**{plain(sample.failure_title or 'Failed')}**  \n{plain(sample.failure_sentence or '')}",
            icon=":material/report:",
        )
    else:
        st.caption(STAGES[sample.state])


def _facts(sample: CellView) -> str:
    parts = [dollars(sample.cost_usd), f"{sample.seconds:.0f} s" if sample.seconds is not None else ""]
    return " · ".join([*filter(None, parts), *(["shared"] if sample.shared else [])])
