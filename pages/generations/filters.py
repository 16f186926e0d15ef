"""The filters of the list of generations. They live in the address, so that they survive a reload."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

import streamlit as st

from core.catalog.models import MODELS
from core.classification.taxonomy import TAXONOMY, FailureClass
from core.desks.generations.filters import Cursor, Filter
from core.foundation.wording import moment
from core.rollups.dimensions import DIMENSIONS
from core.tables.generation import State
from pages.shared.start import plain

PURPOSES = ("avatar", "preview", "experiment")
CHOICES: dict[str, tuple[str, ...]] = {
    "state": tuple(State),
    "class": tuple(FailureClass),
    "purpose": PURPOSES,
    "model": tuple(MODELS),
}
TEXTS = ("customer", "words")
DATES = ("from", "to")
NAMES = (*CHOICES, *TEXTS, *DATES)
# What a click on a chart asks for: it comes with the address alone, and goes by one click on its mark.
MOMENTS = ("ended_from", "ended_to")
OF_CHARTS = (*MOMENTS, "dimension", "value", "group", "batch")
CURSORS = ("older", "newer")
LONGEST_TEXT = 200


def filter_bar(zone: tzinfo) -> Filter:
    """Two rows of widgets; what is chosen, and the address with it."""
    _seed()
    first, second = st.columns(4), st.columns([1, 1, 1, 1.35, 0.65], vertical_alignment="bottom")
    changed: dict[str, Any] = {"on_change": _to_the_top}
    first[0].multiselect(
        "State", State, key=_key("state"), format_func=_capital, placeholder="Any", **changed
    )
    first[1].text_input("Customer", key=_key("customer"), placeholder="Reference or name", **changed)
    first[2].text_input("Prompt", key=_key("words"), placeholder="Words in the prompt", **changed)
    first[3].multiselect(
        "Reason", FailureClass, key=_key("class"), format_func=_title, placeholder="Any", **changed
    )
    second[0].date_input("From", value=None, key=_key("from"), format="YYYY-MM-DD", **changed)
    second[1].date_input("To", value=None, key=_key("to"), format="YYYY-MM-DD", **changed)
    second[2].selectbox(
        "Purpose", PURPOSES, None, _capital, key=_key("purpose"), placeholder="Any", **changed
    )
    second[3].selectbox("Model", list(MODELS), None, key=_key("model"), placeholder="Any", **changed)
    second[4].button(
        "Clear",
        key="generations_clear",
        icon=":material/filter_alt_off:",
        width="stretch",
        on_click=clear_filters,
    )
    _write_address()
    _chart_marks(zone)
    return _filter(zone)


def filtered() -> bool:
    """Whether the address asks for anything."""
    return any(st.query_params.get_all(name) for name in (*NAMES, *OF_CHARTS))


def clear_filters() -> None:
    """Ask for everything again, from the newest on."""
    for name in NAMES:
        st.session_state[_key(name)] = _read(name, [])
        st.query_params.pop(name, None)
    _forget(*OF_CHARTS)


def _forget(*names: str) -> None:
    for name in names:
        st.query_params.pop(name, None)
    _to_the_top()


def _chart_marks(zone: tzinfo) -> None:
    """One mark for each thing that a chart's click has asked for; a click on it asks no more."""
    start, end = (_moment(st.query_params.get(name, "")) for name in MOMENTS)
    marks: list[tuple[str, tuple[str, ...]]] = []
    if start or end:
        marks.append((f"Ended {moment(start, zone)} to {moment(end, zone)}", MOMENTS))
    if dimension := st.query_params.get("dimension"):
        value = st.query_params.get("value", "") or "not told"
        title = DIMENSIONS.get(dimension, dimension)
        marks.append((f"{title}: {plain(value[:LONGEST_TEXT])}", ("dimension", "value")))
    if group := st.query_params.get("group"):
        marks.append((f"Error group {plain(group[:LONGEST_TEXT])}", ("group",)))
    if (batch := _number("batch")) is not None:
        marks.append((f"Retries of batch {batch:,}", ("batch",)))
    if marks:
        with st.container(horizontal=True, gap="small"):
            for label, names in marks:
                st.button(
                    label,
                    key=f"generations_mark_{names[0]}",
                    icon=":material/close:",
                    on_click=_forget,
                    args=names,
                    help="Ask for this no more",
                )


def cursor() -> Cursor | None:
    """From where the list goes on, as the address says."""
    for name in CURSORS:
        if (number := _number(name)) is not None:
            return Cursor(number, newer=name == "newer")
    return None


def go_to(cursor_: Cursor | None) -> None:
    """Turn the page."""
    _to_the_top()
    if cursor_:
        st.query_params["newer" if cursor_.newer else "older"] = str(cursor_.id)


def _to_the_top() -> None:
    for name in CURSORS:
        st.query_params.pop(name, None)


def _seed() -> None:
    for name in NAMES:
        if _key(name) not in st.session_state:
            st.session_state[_key(name)] = _read(name, st.query_params.get_all(name))


def _read(name: str, values: list[str]) -> Any:
    """A widget's value from the address; what nobody could have chosen is left out."""
    if name in TEXTS:
        return values[0][:LONGEST_TEXT] if values else ""
    if name in DATES:
        return _date(values[0]) if values else None
    known = [value for value in values if value in CHOICES[name]]
    if name == "state":
        return [State(value) for value in known]
    if name == "class":
        return [FailureClass(value) for value in known]
    return known[0] if known else None


def _write_address() -> None:
    others = {name: st.query_params.get_all(name) for name in st.query_params if name not in NAMES}
    chosen = {name: _as_texts(st.session_state[_key(name)]) for name in NAMES}
    wanted = others | {name: values for name, values in chosen.items() if values}
    if wanted != {name: st.query_params.get_all(name) for name in st.query_params}:
        st.query_params.from_dict(wanted)


def _as_texts(value: Any) -> list[str]:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [str(each) for each in value]
    return [str(value).strip()] if value and str(value).strip() else []


def _filter(zone: tzinfo) -> Filter:
    chosen = {name: st.session_state[_key(name)] for name in NAMES}
    return Filter(
        states=tuple(chosen["state"]),
        customer=chosen["customer"][:LONGEST_TEXT],
        failure_classes=tuple(chosen["class"]),
        prompt=chosen["words"][:LONGEST_TEXT],
        since=_midnight(chosen["from"], zone),
        # The day named last belongs to it.
        until=_midnight(chosen["to"], zone, days=1),
        purpose=chosen["purpose"],
        model=chosen["model"],
        ended_since=_moment(st.query_params.get("ended_from", "")),
        ended_until=_moment(st.query_params.get("ended_to", "")),
        dimension=st.query_params.get("dimension"),
        value=st.query_params.get("value", "")[:LONGEST_TEXT],
        error_group=st.query_params.get("group"),
        retry_batch=_number("batch"),
    )


def _number(name: str) -> int | None:
    """A number of the address; anything else is passed over."""
    text = st.query_params.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _moment(text: str) -> datetime | None:
    """A moment of the address; one without a time zone, or none at all, is passed over."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _midnight(day: date | None, zone: tzinfo, *, days: int = 0) -> datetime | None:
    return datetime.combine(day + timedelta(days=days), time(), zone) if day else None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _key(name: str) -> str:
    return f"generations_{name}"


def _capital(value: str) -> str:
    return str(value).capitalize()


def _title(value: FailureClass) -> str:
    return TAXONOMY[value].title
