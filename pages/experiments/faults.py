"""Images of an experiment by fault and version, such as everything of v7 with cropped feet."""

import streamlit as st

from core.foundation.wording import count
from core.images.addresses import Size
from core.votes.rated import Filter, FoundImage, find_images, versions_of
from core.votes.ratings import TAGS
from pages.shared.links import page_link
from pages.shared.pictures import show_picture
from pages.shared.start import Desk, plain

IN_A_ROW = 6
CROPPED = "cropped, by the checks"
NOT_SHIPPED = "would not ship"


def experiment_faults(desk: Desk, number: int) -> None:
    """The filters and what fits them."""
    with desk.services.database.transaction() as session:
        versions = versions_of(session, number)
    variant_id = st.selectbox(
        "Version",
        list(versions),
        index=None,
        key=f"experiments_fault_version_{number}",
        format_func=versions.__getitem__,
        placeholder="Every version",
        width=360,
    )
    chosen = st.pills(
        "With all of these",
        [*TAGS, NOT_SHIPPED, CROPPED],
        selection_mode="multi",
        wrap=True,
        key=f"experiments_faults_{number}",
        help="Raters saw the faults; the last is what the checks found.",
    )
    wanted = Filter(
        variant_id=variant_id,
        faults=[each for each in chosen if each in TAGS],
        cropped=CROPPED in chosen,
        not_shippable=NOT_SHIPPED in chosen,
    )
    with desk.services.database.transaction() as session:
        found, number_of = find_images(session, actor=desk.actor, experiment_id=number, wanted=wanted)
    if not found:
        st.info("No image fits these filters.", icon=":material/filter_alt_off:")
        return
    more = f"; the first {len(found)} are shown" if number_of > len(found) else ""
    st.caption(f"{count(number_of, 'image')}{more}")
    for at in range(0, len(found), IN_A_ROW):
        for place, image in zip(st.columns(IN_A_ROW), found[at : at + IN_A_ROW], strict=False):
            with place:
                _image(image)


def _image(image: FoundImage) -> None:
    show_picture(image.picture, alt=f"{image.version}, selfie {image.selfie_id}", size=Size.SMALL)
    words = [f"**{plain(image.version)}**"]
    words += [
        plain(f"{one.rater}: {', '.join([*one.tags, 'ships' if one.shippable else 'does not ship'])}")
        for one in image.said
    ]
    if image.cropped:
        words.append("Checks: cropped")
    st.markdown("  \n".join(f":small[{word}]" for word in words))
    page_link("generations/page.py", f"Generation {image.generation_id:,}", id=str(image.generation_id))
