"""The checks of an avatar: one line that says what came of them, and what was measured on request."""

import streamlit as st

import core.services
from core.foundation.errors import OperatorError
from core.images.addresses import Picture, Shown, Size
from core.images.checks.picture import draw_overlay
from core.images.checks.service import checks_of
from core.images.checks.verdicts import FRAMING, Check, Checked, Verdict
from core.images.output import AvatarRejected
from core.images.thumbnails import webp_uri
from core.web.stored import stored_picture
from pages.shared.start import plain

NAMES = {
    Check.DECODES: "readable",
    Check.SIZE: "right size",
    Check.NOT_BLANK: "not blank",
    Check.OWN: "nobody else's",
    Check.SHARP: "sharp",
    Check.ONE_FIGURE: "one figure",
    Check.HEAD: "head inside",
    Check.FEET: "feet inside",
    Check.SIDES: "sides inside",
    Check.MARGINS: "2 % room above and below",
    Check.HEIGHT: "figure 70 to 96 % tall",
}
BADGES = {
    Verdict.PASSED: ("green", ":material/check:"),
    Verdict.FAILED: ("red", ":material/close:"),
    Verdict.UNKNOWN: ("gray", ":material/question_mark:"),
}
FULL_FIGURE = "full figure"


def image_checks(generation_id: int) -> None:
    """The line of checks of a generation's avatar; nothing but a remark while they are still to be made."""
    with core.services.current().database.transaction() as session:
        checked = checks_of(session, [generation_id]).get(generation_id)
    if checked is None:
        st.caption(":material/fact_check: Checks follow within seconds")
        return
    st.markdown(_line(checked))
    if why := _why(checked):
        st.caption(plain(why))
    if checked.facts.figure and st.toggle("Show what was measured", key=f"image_checks_{generation_id}"):
        _overlay(generation_id, checked)


def _line(checked: Checked) -> str:
    """Framing in one word, what failed of it by name, then the other checks."""
    failed = [check for check in FRAMING if checked.verdicts[check] is Verdict.FAILED]
    # What failed or is in doubt stands before what is in order; `sorted` keeps the order otherwise.
    others = sorted(
        (check for check in Check if check not in FRAMING),
        key=lambda check: checked.verdicts[check] is Verdict.PASSED,
    )
    parts = [_badge(FULL_FIGURE, checked.framing)]
    parts += [_badge(f"not: {NAMES[check]}", Verdict.FAILED) for check in failed]
    parts += [_badge(NAMES[check], checked.verdicts[check]) for check in others]
    return f"Checks: {' '.join(parts)}"


def _badge(words: str, verdict: Verdict) -> str:
    colour, icon = BADGES[verdict]
    doubt = ": cannot tell" if verdict is Verdict.UNKNOWN else ""
    return f":{colour}-badge[{icon} {words}{doubt}]"


def _why(checked: Checked) -> str | None:
    facts = checked.facts
    if facts.same_as is not None:
        return f"The same bytes were delivered to another customer, as generation {facts.same_as:,}."
    if facts.cut:
        return f"The figure is cut off at the {' and '.join(facts.cut)}."
    return facts.reason


def _overlay(generation_id: int, checked: Checked) -> None:
    facts = checked.facts
    avatar = Shown(Picture.AVATAR, generation_id)
    try:
        content, _ = stored_picture(core.services.current(), avatar, Size.WHOLE)
        drawn = draw_overlay(content or b"", checked)
    except (OperatorError, AvatarRejected) as exc:
        st.warning(plain(str(exc)), icon=":material/broken_image:")
        return
    # Inside the message, so that Streamlit keeps no face under an address of its own.
    st.image(webp_uri(drawn), width="stretch", alt="Avatar with the measured figure")
    if facts.figure:
        st.caption(
            f"Blue: the figure, {facts.figure.height:.0%} of the height, {facts.figure.top:.1%} room above, "
            f"{1 - facts.figure.bottom:.1%} below. Amber: the least room. Red: cut off, or another figure."
        )
