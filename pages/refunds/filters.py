"""The filters of the reviewers' queue, each choice with how many cases it would show."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import streamlit as st

from core.desks.refunds.queue import Counts, counts
from core.desks.refunds.queue_filters import Age, Band, Held, Incident, QueueFilter, Size
from core.tables.refund_states import CaseKind, CaseState
from pages.refunds.place import moves
from pages.shared.refund_words import AGES, BANDS, HOLDERS, KINDS, SIZES, class_title
from pages.shared.start import Desk, plain

PREFIX = "refunds_filter_"
INCIDENT = f"{PREFIX}incident"
TO_DECIDE = (CaseState.PENDING, CaseState.EXPIRED)
# Counts look at every open case; within so many seconds they are not made anew, but for one's own decisions.
COUNTS_SECONDS = 5.0


def filter_now(*, second: bool) -> QueueFilter:
    """What the widgets ask for; they keep their values from run to run."""
    states = (CaseState.NEEDS_SECOND,) if second else TO_DECIDE
    incident = st.session_state.get(INCIDENT)
    held = _value("held")
    return QueueFilter(
        states=states,
        classes=tuple(_value("classes") or ()),
        kinds=tuple(_value("kinds") or ()),
        rules=tuple(_value("rules") or ()),
        bands=tuple(Band(each) for each in _value("bands") or ()),
        sizes=tuple(Size(each) for each in _value("sizes") or ()),
        ages=tuple(Age(each) for each in _value("ages") or ()),
        search=_value("search") or "",
        incident=Incident(incident[0], datetime.fromisoformat(incident[1])) if incident else None,
        held=Held(held) if held else None,
    )


def filter_bar(desk: Desk, filter_: QueueFilter) -> Counts:
    """Search and the filters; what they count."""
    seen = _counts(desk, filter_)
    search, more, clear = st.columns([1.6, 1.35, 0.4], gap="xsmall", vertical_alignment="center")
    search.text_input(
        "Search",
        key=f"{PREFIX}search",
        placeholder="Customer, no.",
        label_visibility="collapsed",
        icon=":material/search:",
    )
    chosen = sum(bool(getattr(filter_, name)) for name in (*CHOICES, "held"))
    label = f"Filters ({chosen})" if chosen else "Filters"
    with more.popover(label, width="stretch", key="refunds_filters"):
        for name, (title, known) in CHOICES.items():
            _choice(name, title, known, seen.by.get(name, {}))
        st.pills(
            "Held",
            list(Held),
            key=f"{PREFIX}held",
            format_func=lambda held: f"{HOLDERS[held]} · {_held(seen, held):,}",
        )
    clear.button(
        "",
        key="refunds_filters_clear",
        icon=":material/filter_list_off:",
        on_click=clear_filters,
        help="Show all",
        disabled=not (chosen or filter_.search or filter_.incident),
        type="tertiary",
    )
    return seen


def open_incident(incident: Incident | None) -> None:
    """Show only the cases of one incident, or all again."""
    if incident is None:
        st.session_state.pop(INCIDENT, None)
    else:
        st.session_state[INCIDENT] = (incident.fingerprint, incident.hour.isoformat())


def clear_filters() -> None:
    """Ask for nothing any more."""
    for name in list(st.session_state):
        if str(name).startswith(PREFIX):
            st.session_state.pop(name)


def in_words(filter_: QueueFilter) -> str:
    """The filter in a sentence fit for Markdown."""
    told = [class_title(each) for each in filter_.classes] + [KINDS[CaseKind(each)] for each in filter_.kinds]
    told += [f"rule “{each}”" for each in filter_.rules] + [BANDS[each].lower() for each in filter_.bands]
    told += [f"{SIZES[each].lower()} credits" for each in filter_.sizes]
    told += [f"opened {AGES[each].lower()} ago" for each in filter_.ages]
    if filter_.held:
        told.append(HOLDERS[filter_.held].lower())
    if filter_.search.strip():
        told.append(f"“{filter_.search.strip()}”")
    if filter_.incident:
        told.append(f"one incident, {filter_.incident.hour:%-d %b %H:%M} UTC")
    return plain(", ".join(told)) or "all of the queue"


CHOICES: dict[str, tuple[str, Mapping[Any, str]]] = {
    "classes": ("Class", {}),
    "bands": ("Time left", BANDS),
    "sizes": ("Credits", SIZES),
    "ages": ("Age", AGES),
    "kinds": ("Kind", KINDS),
    "rules": ("Policy rule", {}),
}


def _choice(name: str, title: str, known: Mapping[Any, str], found: dict[str, int]) -> None:
    """One filter; what it could show comes from the counts, most first where there is no order of its own."""
    options = list(known) or sorted(found, key=lambda value: (-found[value], value))
    chosen = [value for value in _value(name) or () if value not in options]

    def label(value: str) -> str:
        words = known.get(value) or (class_title(value) if name == "classes" else value or "no rule")
        return f"{plain(words)} · {found.get(value, 0):,}"

    st.pills(title, [*options, *chosen], key=f"{PREFIX}{name}", selection_mode="multi", format_func=label)


def _held(seen: Counts, held: Held) -> int:
    if held is Held.NOBODY:
        return max(0, seen.cases - sum(seen.held.values()))
    return seen.held.get(held, 0)


def _value(name: str) -> Any:
    return st.session_state.get(f"{PREFIX}{name}")


def _counts(desk: Desk, filter_: QueueFilter) -> Counts:
    return _counted(filter_, desk.actor.id, moves(), _desk=desk)


@st.cache_data(ttl=COUNTS_SECONDS, max_entries=64, show_spinner=False)
def _counted(
    filter_: QueueFilter,
    actor_id: int,  # noqa: ARG001 - part of the key, as the next one
    moved: int,  # noqa: ARG001
    _desk: Desk,
) -> Counts:
    with _desk.services.database.transaction() as session:
        return counts(session, filter_, actor=_desk.actor)
