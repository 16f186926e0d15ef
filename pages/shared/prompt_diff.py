"""Two versions beside each other: changed words in the text, changed parameters, nothing that is equal."""

import html
from collections.abc import Sequence

import streamlit as st

from core.foundation.wording import count
from core.prompts.diff import Change, Piece, Side, diff_parameters, diff_words, words_changed
from core.prompts.views import Version
from pages.shared.parameters import LABELS
from pages.shared.start import plain

TAGS = {Side.REMOVED: "del", Side.ADDED: "ins"}
# Readable on light and dark alike, and told by line and sign too, not by colour alone.
LOOK = """
<style>
.prompt-diff {white-space: pre-wrap; font-size: 0.9rem; line-height: 1.55; overflow-wrap: anywhere}
.prompt-diff ins {background: rgba(42, 157, 89, .22); text-decoration: underline; border-radius: 3px}
.prompt-diff del {background: rgba(214, 69, 65, .22); text-decoration: line-through; border-radius: 3px}
</style>
"""


def diff_view(before: Version, after: Version) -> None:
    """What `after` says differently from `before`."""
    pieces = diff_words(before.resolved, after.resolved)
    changes = diff_parameters(settings_of(before), settings_of(after))
    with st.container(border=True, gap="small"):
        title, what = plain(f"{before.title} → {after.title}"), plain(summary(pieces, changes))
        st.markdown(f"**{title}** :small[:gray[{what}]]")
        if changes:
            st.table(
                {
                    LABELS.get(each.name, each.name.capitalize()): plain(
                        f"{each.before or 'none'} → {each.after or 'none'}"
                    )
                    for each in changes
                },
                border="horizontal",
                hide_header=True,
            )
        if any(piece.side is not Side.BOTH for piece in pieces):
            st.html(LOOK + f'<div class="prompt-diff">{marked(pieces)}</div>')


def settings_of(version: Version) -> dict[str, str]:
    """Model and parameters in one."""
    return {"model": version.model, **version.parameters}


def summary(pieces: Sequence[Piece], changes: Sequence[Change]) -> str:
    """`+9 -4 words, 1 parameter`; or that there is no difference."""
    added, removed = words_changed(pieces)
    parts = []
    if any(piece.side is not Side.BOTH for piece in pieces):
        parts.append(f"+{added} -{removed} words" if added or removed else "only spaces and signs")
    if changes:
        parts.append(count(len(changes), "parameter"))
    return ", ".join(parts) or "They say the same."


def marked(pieces: Sequence[Piece]) -> str:
    """The text as HTML, with what was removed and added marked."""
    return "".join(_tagged(piece) for piece in pieces)


def _tagged(piece: Piece) -> str:
    words, tag = html.escape(piece.text), TAGS.get(piece.side)
    return f"<{tag}>{words}</{tag}>" if tag else words
