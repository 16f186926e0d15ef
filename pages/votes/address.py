"""What the address of the Votes page asks for, the experiment it is about, and images under tokens."""

import html

import streamlit as st

from core.votes.batches import rateable
from core.votes.images import address
from pages.shared.start import Desk

VIEWS = {"vote": "Blind votes", "rate": "Ratings", "lineup": "Line-ups", "verdict": "Verdict"}
EXPERIMENT = "experiment"
# Neutral grey, so that neither theme flatters an image; whole images in true proportions.
STYLE = """<style>
.blind { display: flex; gap: 8px; align-items: center; justify-content: center; }
.blind figure { margin: 0; background: #7a7a7a; border-radius: 6px; overflow: hidden; flex: 0 1 auto; }
.blind figure { width: min(56vh, 41%); aspect-ratio: 1; }
.blind figure.small { width: min(28vh, 17%); }
.blind figure.face { width: min(21vh, 16%); }
.blind figure.asked { width: min(38vh, 41%); }
.blind img { display: block; width: 100%; height: 100%; object-fit: contain; }
.blind-next { position: absolute; width: 1px; height: 1px; overflow: hidden; opacity: 0; }
</style>"""


def number(name: str) -> int | None:
    """A number that the address gives; None where it gives none that could be one."""
    asked = st.query_params.get(name, "")
    return int(asked) if asked.isdecimal() and len(asked) < 19 else None


def view() -> str:
    """Which view the address asks for."""
    asked = st.query_params.get("view", "vote")
    return asked if asked in VIEWS else "vote"


def remember_view() -> None:
    """Write the chosen view into the address."""
    st.query_params["view"] = st.session_state["votes_view"]


def experiment_picker(desk: Desk) -> int | None:
    """The experiment that a view is about, kept in the address; None where none has images yet."""
    with desk.services.database.transaction() as session:
        found = {each.id: f"{each.name} ({each.images} images)" for each in rateable(session)}
    if not found:
        st.info("No experiment has images yet. Start one; its images can be judged as they come.")
        return None
    asked = number(EXPERIMENT)
    options = list(found)
    chosen = st.selectbox(
        "Experiment",
        options,
        index=options.index(asked) if asked in found else 0,
        key="votes_experiment",
        format_func=found.__getitem__,
        on_change=_remember_experiment,
    )
    return int(chosen)


def _remember_experiment() -> None:
    st.query_params[EXPERIMENT] = str(st.session_state["votes_experiment"])


def figure(token: str, alt: str, kind: str = "") -> str:
    """An image by its token; `alt` says where it stands and nothing else."""
    source, words = html.escape(address(token)), html.escape(alt)
    return f'<figure class="{kind}"><img src="{source}" alt="{words}"></figure>'


def row_of(figures: list[str], later: list[str] | None = None) -> str:
    """Figures in one row; `later` are tokens that the browser loads already."""
    soon = "".join(f'<img src="{html.escape(address(token))}" alt="">' for token in later or [])
    return f'{STYLE}<div class="blind">{"".join(figures)}</div><div class="blind-next">{soon}</div>'
