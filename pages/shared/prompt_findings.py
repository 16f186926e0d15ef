"""What the lint found, in a few lines."""

from collections.abc import Sequence

import streamlit as st

from core.foundation.wording import count
from core.prompts.lint import Finding, Kind
from pages.shared.start import plain

ICONS = {
    Kind.FRAMING: ":material/crop_free:",
    Kind.LIKENESS: ":material/face:",
    Kind.RISK: ":material/gavel:",
    Kind.CONTRADICTION: ":material/compare_arrows:",
}


def show_findings(findings: Sequence[Finding]) -> None:
    """Each finding with its kind, or that there is none."""
    if not findings:
        st.markdown(":green[:small[:material/check: Full body, feet, likeness: asked for. No risky words.]]")
        return
    st.markdown(f":orange[:small[:material/rule: {count(len(findings), 'thing')} to look at]]")
    for each in findings:
        st.markdown(f":small[{ICONS[each.kind]} **{each.kind.value.capitalize()}:** {plain(each.sentence)}]")
