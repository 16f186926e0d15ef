"""Imported experiments: their list, and one as a grid that nobody can start."""

from datetime import tzinfo

import streamlit as st

from core.exports.compared import compare_import
from core.exports.imported import ImportRow, ImportView, imported, list_imports
from core.foundation.wording import count, moment
from pages.experiments.address import FILE, IMPORT, asked_baseline, back_to_list
from pages.experiments.compare_grid.mount import mount_grid
from pages.experiments.compare_grid.payload import payload
from pages.experiments.share import experiment_share
from pages.shared.links import page_link
from pages.shared.start import Desk, operator_errors, plain

BADGE = ":violet-badge[:material/upload_file: Imported]"


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
    with operator_errors():
        _grid(desk, found)


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


def _grid(desk: Desk, found: ImportView) -> None:
    """The compare grid as at its home; nothing in it can be rated or bought."""
    chosen = f"imports_baseline_{found.row.id}"
    with desk.services.database.transaction() as session:
        compared = compare_import(session, found, baseline=st.session_state.get(chosen) or asked_baseline())
    mount_grid(
        payload(desk.services.settings, compared, rate=False) | {"experiment": f"import {found.row.id}"},
        key=f"imports_grid_{found.row.id}",
        on_baseline=lambda position: st.session_state.update({chosen: position}),
    )
