"""Sharing an experiment: a link to this view, and files that open or can be imported elsewhere."""

from urllib.parse import urlencode

import streamlit as st

from core.access.permissions import Permission
from core.exports.exports import WITH_PICTURES, Kind, Wish, prepare
from core.exports.sheet import SIDES
from core.exports.shelf import LIFETIME_SECONDS, Prepared, shelf
from pages.shared.start import Desk, operator_errors, plain, refusal

KINDS = {
    Kind.SHEET: "Contact sheet",
    Kind.BUNDLE: "Whole, to import elsewhere",
    Kind.DOCUMENT: "Data without pictures",
    Kind.TABLE: "Table",
}
WHAT = {
    Kind.SHEET: "One HTML file with every image inside. It opens in any browser without network, and prints.",
    Kind.BUNDLE: "A ZIP of all data and the images as they were drawn: the same grid in another Inkdesk.",
    Kind.DOCUMENT: "JSON of everything but the pictures: the same grid on a desk that has the images.",
    Kind.TABLE: "CSV for a spreadsheet, a line an image.",
}
SELFIES_OUT = "Selfies are left out. Names of customers are in no file."
READY = "experiments_share_ready"


def experiment_share(desk: Desk, number: int, *, of_import: bool = False) -> None:
    """The link, and one file at a time: prepared first, so that its size is known before the download."""
    st.markdown("**Link to this view**")
    st.code(_link(desk), language=None)
    no = refusal(desk.actor, Permission.RUN_EXPERIMENTS)
    if no:
        st.caption(plain(no))
        return
    kind = st.segmented_control(
        "File",
        list(KINDS),
        default=Kind.SHEET,
        key="experiments_share_kind",
        format_func=_title,
        required=True,
    )
    wish = _wish(desk, number, Kind(kind), of_import=of_import)
    ready = _ready(wish)
    # The link takes the button's place, without another run.
    place = st.empty()
    if ready is None and place.button(
        "Prepare the file", key="experiments_share_prepare", icon=":material/package_2:"
    ):
        with operator_errors(), st.spinner("Writing the file"):
            ready = prepare(desk.services, actor=desk.actor, wish=wish)
            st.session_state[READY] = (wish, ready.token)
    if ready is not None:
        place.link_button(
            f"Download {ready.name} ({size(ready.size)})",
            ready.address,
            icon=":material/download:",
            type="primary",
        )
        st.caption(f"It stays ready for {LIFETIME_SECONDS / 60:.0f} minutes.")


def size(number: int) -> str:
    """`840 kB`, `12.3 MB`: bytes in thousands."""
    return f"{number / 1e6:,.1f} MB" if number >= 1e6 else f"{max(number / 1e3, 0.1):,.1f} kB"


def _title(kind: Kind) -> str:
    return f"{KINDS[kind]} (.{kind})"


def _wish(desk: Desk, number: int, kind: Kind, *, of_import: bool) -> Wish:
    st.caption(WHAT[kind])
    selfies = verdict = False
    side = SIDES[0]
    if kind is Kind.SHEET:
        left, right = st.columns([1, 2], vertical_alignment="bottom")
        side = left.selectbox(
            "Images", SIDES, key="experiments_share_side", format_func=lambda each: f"{each} pixels"
        )
        verdict = right.checkbox("With the verdict's sentence", value=True, key="experiments_share_verdict")
    if kind in WITH_PICTURES:
        no = refusal(desk.actor, Permission.EDIT_TEST_SETS)
        selfies = (
            st.checkbox("With selfies", key="experiments_share_selfies", disabled=bool(no), help=no)
            and not no
        )
    if selfies:
        st.warning(
            "The file shows real faces. Give it only to people who may see them; deleting a person here does "
            "not reach files that left. Who made it is in the audit trail.",
            icon=":material/face:",
        )
    else:
        st.caption(SELFIES_OUT)
    return Wish(number, kind, of_import=of_import, selfies=selfies, verdict=verdict, side=side)


def _ready(wish: Wish) -> Prepared | None:
    """The file that was prepared last, if it is what is wished for now and still there."""
    former, token = st.session_state.get(READY, (None, ""))
    return shelf.peek(token) if former == wish else None


def _link(desk: Desk) -> str:
    # Who acts is the reader's own affair.
    place = {name: value for name, value in st.query_params.to_dict().items() if name != "persona"}
    base = (desk.services.settings.desk_url or "").rstrip("/")
    return f"{base}/experiments?{urlencode(place)}"
