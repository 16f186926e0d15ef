"""What was clicked about promotions, carried out before anything is drawn anew: a stale page is refused."""

import dataclasses
from collections.abc import Callable
from typing import Any

import streamlit as st

from core.promotion.gate import promote
from core.promotion.guard import roll_back_now, set_automatic
from core.promotion.limits import BOUNDS, WHOLE, Limits, save_limits
from pages.shared.changing import changing
from pages.shared.start import Desk

WAITING = "promotion_waiting"


@dataclasses.dataclass(frozen=True)
class _Step:
    """The service, what it is given as the page was drawn, and the word afterwards."""

    service: Callable[..., object]
    given: dict[str, Any]
    done: str


def carry_out_promotion(desk: Desk) -> None:
    """Do what was clicked."""
    step: _Step | None = st.session_state.pop(WAITING, None)
    if step is not None:
        with changing(desk, step.done) as (session, actor):
            step.service(session, actor=actor, **step.given)


def ask_promote(key: str, title: str, override: bool, **given: Any) -> None:
    """Promote, with the words and the switch as they stand at the click."""
    given["reason"] = st.session_state.get(f"{key}_why", "")
    given["automatic"] = bool(st.session_state.get(f"{key}_automatic", True))
    _ask(promote, f"{title} is in production: the next generation takes it", override=override, **given)


def ask_roll_back(promotion_id: int, moves: int, former_title: str) -> None:
    done = f"{former_title} is back in production"
    _ask(roll_back_now, done, promotion_id=promotion_id, seen_moves=moves)


def ask_automatic(key: str, promotion_id: int) -> None:
    wanted = bool(st.session_state[key])
    done = "It will be rolled back automatically" if wanted else "It will only be offered to roll back"
    _ask(set_automatic, done, promotion_id=promotion_id, automatic=wanted)


def ask_limits(key: str, number: int) -> None:
    """Save the limits as the form says them."""
    said = {name: st.session_state[f"{key}_{name}"] for name in BOUNDS}
    numbers: dict[str, Any] = {
        name: int(value) if name in WHOLE else float(value) for name, value in said.items()
    }
    limits = Limits(**numbers)
    reason = st.session_state.get(f"{key}_why", "")
    _ask(save_limits, "The limits count for the next promotion", limits=limits, reason=reason, seen=number)


def _ask(service: Callable[..., object], done: str, **given: Any) -> None:
    st.session_state[WAITING] = _Step(service, given, done)
