"""Imported experiments: their list, and one as a grid that nobody can start."""

from collections.abc import Mapping
from datetime import tzinfo

import streamlit as st

from core.prompts.share.document import Cell, Selfie
from core.prompts.share.gather import Picture, Shared
from core.prompts.share.imported import ImportRow, imported, list_imports
from core.prompts.share.sheet import STATES, checks, facts
from core.wording import count, moment
from pages.components.experiment_address import FILE, IMPORT, back_to_list
from pages.components.experiment_share import experiment_share
from pages.components.links import page_link
from pages.components.pictures import show_picture
from pages.components.start import Desk, operator_errors, plain

BADGE = ":violet-badge[:material/upload_file: Imported]"
ROWS_AT_ONCE = 10
GONE = "The person was deleted here; their pictures are gone."


def imported_list(desk: Desk, zone: tzinfo) -> None:
    """The latest imports, the newest first; nothing where there are none."""
    with desk.services.database.transaction() as session:
        found = list_imports(session)
    for each in found:
        with st.container(border=True, gap="xsmall", key=f"experiments_import_row_{each.id}"):
            with st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
            ):
                page_link(FILE, plain(each.name), icon=":material/grid_view:", **{IMPORT: str(each.id)})
                st.markdown(BADGE, width="content")
            st.caption(plain(f"{_shape(each)} · {_origin(each, zone)}"))


def imported_view(desk: Desk, number: int, zone: tzinfo) -> None:
    """One import: where it came from, and its grid."""
    back_to_list()
    with desk.services.database.transaction() as session:
        found = imported(session, number)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(found.row.name), anchor=False, width="content")
        st.markdown(BADGE, width="content")
    st.caption(plain(f"{_shape(found.row)} · {_origin(found.row, zone)}"))
    st.caption(f"Grid hash `{found.grid_hash}`")
    if found.shared.document.verdict:
        st.info(plain(found.shared.document.verdict), icon=":material/gavel:")
    missing = sum(
        cell.image is not None and found.shared.image_of(cell) is None for cell in found.shared.document.cells
    )
    if missing:
        st.warning(
            f"{count(missing, 'image')} of it {'is' if missing == 1 else 'are'} not here: the file did not "
            "hold them and this desk does not know them, or their person was deleted. "
            "Import the ZIP to have those that are left.",
            icon=":material/image_not_supported:",
        )
    with st.expander("Share", icon=":material/ios_share:", on_change="rerun", key="imports_share") as opened:
        if opened.open:
            st.fragment(_share)(desk, number)
    _grid(found.shared)


def _share(desk: Desk, number: int) -> None:
    with operator_errors():
        experiment_share(desk, number, of_import=True)


def _shape(row: ImportRow) -> str:
    return (
        f"{count(row.variants, 'variant')} x {count(row.selfies, 'selfie', 'selfies')}, {row.cells:,} images"
    )


def _origin(row: ImportRow, zone: tzinfo) -> str:
    return (
        f"experiment {row.source_experiment:,} of {row.source_desk or 'another desk'}, "
        f"written {moment(row.exported_at, zone)}; "
        f"imported by {row.imported_by}, {moment(row.imported_at, zone)}"
    )


def _grid(shared: Shared) -> None:
    document = shared.document
    rows = document.selfies
    if len(rows) > ROWS_AT_ONCE and not st.toggle(
        f"Show all {count(len(rows), 'selfie', 'selfies')}", key="imports_all_rows"
    ):
        rows = rows[:ROWS_AT_ONCE]
    cells: dict[tuple[int, int], list[Cell]] = {}
    for cell in document.cells:
        cells.setdefault((cell.selfie, cell.variant), []).append(cell)
    widths = [1, *([2] * len(document.variants))]
    for place, variant in zip(st.columns(widths)[1:], document.variants, strict=True):
        place.markdown(
            f"**{plain(variant.label)}**  \n:small[{plain(variant.model)}]", help=plain(variant.prompt)
        )
    for selfie in rows:
        columns = st.columns(widths)
        with columns[0]:
            _selfie(shared.selfies, selfie, gone=selfie.position in shared.gone)
        for place, variant in zip(columns[1:], document.variants, strict=True):
            samples = cells.get((selfie.position, variant.position), [])
            for part, cell in zip(place.columns(max(len(samples), 1)), samples, strict=False):
                with part:
                    _cell(shared, cell, variant.label)


def _selfie(pictures: Mapping[int, Picture], selfie: Selfie, *, gone: bool) -> None:
    if (picture := pictures.get(selfie.position)) is not None:
        show_picture(picture.thumbnail_key, alt=f"Selfie {selfie.position}")
    else:
        st.caption(f":material/person_off: {GONE if gone else 'The selfie is not here.'}")
    st.caption(plain(", ".join(selfie.tags) or f"Selfie {selfie.position}"))


def _cell(shared: Shared, cell: Cell, label: str) -> None:
    if (picture := shared.image_of(cell)) is not None:
        show_picture(picture.thumbnail_key, alt=f"{label}, sample {cell.repeat}")
        st.caption(plain(" · ".join(filter(None, [facts(cell), checks(cell.checks)]))))
    elif cell.state == "failed":
        st.error(plain(cell.failure_title or STATES[cell.state]), icon=":material/report:")
    else:
        words = GONE if cell.selfie in shared.gone else cell.failure_title or STATES[cell.state]
        st.caption(f":material/image_not_supported: {plain(words)}")
