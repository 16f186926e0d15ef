"""The selfie that the avatar is drawn from: uploaded, from the camera, an earlier one or a bundled sample."""

import dataclasses
from collections.abc import Sequence

import streamlit as st

from core.foundation.errors import OperatorError
from core.images.addresses import Picture, Shown
from core.images.intake import Selfie, take_in
from core.images.samples import samples
from core.images.selfies import earlier_selfies
from core.images.thumbnails import thumbnail, webp_uri
from pages.shared.pictures import show_picture
from pages.shared.start import Desk, plain

UPLOAD, CAMERA, EARLIER, SAMPLE = "Upload", "Camera", "Earlier", "Sample"
SOURCES = (UPLOAD, CAMERA, EARLIER, SAMPLE)
SOURCE = "generate_source"
EARLIER_ID = "generate_earlier"


@dataclasses.dataclass(frozen=True)
class ChosenSelfie:
    """A selfie to draw from: one that is kept already (`stored_id`), or a new one (`taken`)."""

    sha256: str
    warnings: Sequence[str]
    caption: str
    stored_id: int | None = None
    taken: Selfie | None = None


@dataclasses.dataclass(frozen=True)
class Intake:
    """What became of an upload: a selfie, or the sentence that says why not."""

    selfie: Selfie | None = None
    problem: str | None = None


def selfie_picker(desk: Desk, customer_id: int | None) -> ChosenSelfie | None:
    """Where the selfie comes from, and how it will be sent; None while there is none."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Selfie", anchor=False, width="content")
        st.session_state.setdefault(SOURCE, UPLOAD)
        source = st.segmented_control(
            "Source",
            SOURCES,
            required=True,
            key=SOURCE,
            label_visibility="collapsed",
            persist_state="session",
        )
    shown, controls = st.columns([1, 1.7], gap="medium")
    with controls:
        chosen = _earlier(desk, customer_id) if source == EARLIER else _new(source or UPLOAD)
        for sentence in chosen.warnings if chosen else ():
            st.markdown(f":orange[:small[:material/warning: {plain(sentence)}]]")
    with shown:
        _show(chosen)
    return chosen


def _new(source: str) -> ChosenSelfie | None:
    content, name = _content(source)
    crop = st.toggle(
        "Crop to the face",
        value=True,
        key="generate_crop",
        help="A square around the largest face; switched off, the whole picture is sent.",
        persist_state="session",
    )
    if content is None:
        return None
    intake = _taken_in(content, name, crop)
    if intake.selfie is None:
        st.error(plain(intake.problem or ""), icon=":material/image_not_supported:")
        return None
    selfie = intake.selfie
    how = "cropped to the face" if selfie.crop else "whole picture"
    return ChosenSelfie(
        sha256=selfie.sha256,
        warnings=[doubt.sentence for doubt in selfie.warnings],
        caption=f"{selfie.width}x{selfie.height}, {how}",
        taken=selfie,
    )


def _content(source: str) -> tuple[bytes | None, str]:
    if source == SAMPLE:
        bundled = dict(samples())
        name = st.selectbox("Bundled portrait", list(bundled), key="generate_sample")
        return bundled[name](), name
    if source == CAMERA:
        taken = st.camera_input("Take a photo", key="generate_camera", label_visibility="collapsed")
        return (taken.getvalue(), taken.name) if taken else (None, "")
    # Any type may be chosen, so that a wrong file is refused with a reason instead of silently greyed out.
    file = st.file_uploader("JPEG, PNG, WEBP or HEIC, up to 20 MB", key="generate_upload")
    return (file.getvalue(), file.name) if file else (None, "")


def _earlier(desk: Desk, customer_id: int | None) -> ChosenSelfie | None:
    if customer_id is None:
        st.caption("Choose a customer to see their selfies.")
        return None
    with desk.services.database.transaction() as session:
        kept = {row.id: row for row in earlier_selfies(session, customer_id=customer_id)}
    if not kept:
        st.caption("No selfie of this customer is kept yet. Upload one, or take the sample.")
        return None
    if st.session_state.get(EARLIER_ID) not in kept:
        st.session_state[EARLIER_ID] = next(iter(kept))
    number = st.selectbox(
        "Kept selfies, newest first",
        list(kept),
        key=EARLIER_ID,
        format_func=lambda n: f"{kept[n].created_at:%-d %b %Y, %H:%M} UTC · no. {n}",
        persist_state="session",
    )
    row = kept[number]
    return ChosenSelfie(
        sha256=row.sha256,
        warnings=[str(doubt["sentence"]) for doubt in row.warnings],
        caption=f"{row.width}x{row.height}, {'cropped to the face' if row.cropped else 'whole picture'}",
        stored_id=row.id,
    )


def _show(chosen: ChosenSelfie | None) -> None:
    if chosen is None:
        with st.container(
            border=True, height=150, horizontal_alignment="center", vertical_alignment="center"
        ):
            st.caption(":material/person: No selfie yet", width="content")
        return
    if chosen.taken is not None:
        # In the page itself: Streamlit's media store would serve it to anybody, and beyond an erasure.
        uri = webp_uri(thumbnail(chosen.taken.content))
        st.html(f'<img src="{uri}" style="width: 100%" alt="The selfie as it will be sent">')
    elif chosen.stored_id is not None:
        show_picture(Shown(Picture.SELFIE, chosen.stored_id), alt="The selfie as it will be sent")
    st.caption(chosen.caption)


@st.cache_data(max_entries=8, ttl="10m", scope="session", show_spinner="Reading the picture ...")
def _taken_in(content: bytes, name: str, crop: bool) -> Intake:
    try:
        return Intake(selfie=take_in(content, name, crop_to_face=crop))
    except OperatorError as exc:
        return Intake(problem=str(exc))
