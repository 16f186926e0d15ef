"""What the Errors page is asked for: range, bars, classes, one value of one dimension. All in the address."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import streamlit as st

from core.classification.taxonomy import TAXONOMY, FailureClass
from core.monitoring.rollups import Slice, values_of
from core.rollups.bins import Bin, Grain, bins, midnight
from core.rollups.dimensions import DIMENSIONS
from pages.shared.start import Desk

RANGES = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days", "custom": "Custom"}
DAYS = {"7d": 7, "30d": 30, "90d": 90}
LONGEST = timedelta(days=366)
# More hours than these are drawn as days.
MOST_HOURS = timedelta(days=32)
HOURS_BY_DEFAULT = timedelta(days=3)
VIEWS = {
    "groups": "Error groups",
    "rates": "Failure rates",
    "different": "What is different?",
    "times": "Times and money",
    "try": "Try a message",
    "rules": "Rules",
}
SINGLE: dict[str, Sequence[str]] = {
    "range": tuple(RANGES),
    "bars": tuple(Grain),
    "dimension": tuple(DIMENSIONS),
    "view": tuple(VIEWS),
}
DATES = ("from", "to")
NAMES = (*SINGLE, *DATES, "class", "value")


@dataclasses.dataclass(frozen=True)
class Question:
    """What is looked at: `bars` follow one another and are the whole range."""

    bars: Sequence[Bin]
    grain: Grain
    classes: tuple[FailureClass, ...]
    only: Slice
    live: bool

    @property
    def since(self) -> datetime:
        return self.bars[0].start

    @property
    def until(self) -> datetime:
        return self.bars[-1].end


def question_bar(desk: Desk, zone: tzinfo) -> Question:
    """One row of widgets (a second one for a custom range); what is asked for, and the address with it."""
    _seed()
    now = datetime.now(UTC)
    row = st.columns([3, 1.05, 1.6, 1, 1.4], vertical_alignment="bottom")
    row[0].segmented_control(
        "Range", RANGES, key=_key("range"), format_func=RANGES.__getitem__, required=True
    )
    since, until = _range(now, zone)
    allowed = list(Grain) if until - since <= MOST_HOURS else [Grain.DAY]
    if st.session_state[_key("bars")] not in allowed:
        st.session_state[_key("bars")] = Grain.HOUR if until - since <= HOURS_BY_DEFAULT else Grain.DAY
    row[1].segmented_control("Bars", allowed, key=_key("bars"), format_func=str.capitalize, required=True)
    row[2].multiselect("Reason", FailureClass, key=_key("class"), format_func=_title, placeholder="Any")
    row[3].selectbox(
        "Only", list(DIMENSIONS), None, DIMENSIONS.__getitem__, key=_key("dimension"), placeholder="All"
    )
    grain = Grain(st.session_state[_key("bars")])
    found = bins(since, until, grain, zone)
    with row[4]:
        only = _value_picker(desk, found)
    _write_address()
    classes = tuple(FailureClass(each) for each in st.session_state[_key("class")])
    return Question(found, grain, classes, only, live=found[-1].end > now)


def range_of_address(zone: tzinfo) -> tuple[datetime, datetime]:
    """The range that is asked for, where its widgets are not shown; as whole bars, like the chart's."""
    asked = _read("range", st.query_params.get_all("range"))
    now = datetime.now(UTC)
    today = now.astimezone(zone).date()
    days = [_read(name, st.query_params.get_all(name)) or today for name in DATES]
    since, until = _span_of_days(days, zone) if asked == "custom" else _preset(asked, now, zone)
    bars = _read("bars", st.query_params.get_all("bars")) or Grain.HOUR
    found = bins(since, until, bars if until - since <= MOST_HOURS else Grain.DAY, zone)
    return found[0].start, found[-1].end


def view_picker() -> str:
    """Which of the views below the chart is open."""
    st.segmented_control(
        "View",
        VIEWS,
        key=_key("view"),
        format_func=VIEWS.__getitem__,
        required=True,
        label_visibility="collapsed",
    )
    _write_address()
    return str(st.session_state[_key("view")])


def _range(now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    chosen = st.session_state[_key("range")]
    if chosen == "custom":
        return _custom_range(now.astimezone(zone).date(), zone)
    return _preset(chosen, now, zone)


def _preset(chosen: str, now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    if chosen in DAYS:
        today = now.astimezone(zone).date()
        return midnight(today - timedelta(days=DAYS[chosen] - 1), zone), now
    # The running hour and the 23 before it.
    return now - timedelta(hours=23), now


def _custom_range(today: date, zone: tzinfo) -> tuple[datetime, datetime]:
    first, second, _ = st.columns([1, 1, 3])
    for name in DATES:
        st.session_state.setdefault(_key(name), today)
        st.session_state[_key(name)] = st.session_state[_key(name)] or today
    first.date_input("From", key=_key("from"), format="YYYY-MM-DD", max_value=today)
    second.date_input("To", key=_key("to"), format="YYYY-MM-DD", max_value=today)
    return _span_of_days([st.session_state[_key(name)] for name in DATES], zone)


def _span_of_days(days: Sequence[date], zone: tzinfo) -> tuple[datetime, datetime]:
    start, end = min(days), max(days)
    start = max(start, end - LONGEST)
    return midnight(start, zone), midnight(end + timedelta(days=1), zone)


def _value_picker(desk: Desk, found: Sequence[Bin]) -> Slice:
    dimension = st.session_state[_key("dimension")]
    titles: dict[str, str] = {}
    if dimension:
        with desk.services.database.transaction() as session:
            titles = values_of(session, dimension, found[0].start, found[-1].end)
    chosen = st.session_state[_key("value")]
    if chosen is not None and dimension and chosen not in titles:
        titles[chosen] = chosen  # a value of an old link, which had nothing in this time
    if not dimension:
        st.session_state[_key("value")] = None
    st.selectbox(
        DIMENSIONS.get(dimension, "Value"),
        list(titles),
        None,
        lambda value: titles.get(value, value),
        key=_key("value"),
        placeholder="Any",
        disabled=not dimension,
    )
    value = st.session_state[_key("value")]
    return Slice(dimension, value) if dimension and value is not None else Slice()


def _seed() -> None:
    for name in NAMES:
        if _key(name) not in st.session_state:
            st.session_state[_key(name)] = _read(name, st.query_params.get_all(name))


def _read(name: str, values: list[str]) -> Any:
    """A widget's value from the address; what nobody could have chosen is left out."""
    if name == "class":
        return [FailureClass(value) for value in values if value in tuple(FailureClass)]
    if name in DATES:
        return _date(values[0]) if values else None
    if name == "value":
        return values[0][:200] if values else None
    known = [value for value in values if value in SINGLE[name]]
    if name == "bars":
        return Grain(known[0]) if known else None
    return known[0] if known else {"range": "24h", "view": "groups"}.get(name)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _write_address() -> None:
    chosen = {name: _as_texts(st.session_state.get(_key(name))) for name in NAMES}
    if chosen["range"] != ["custom"]:
        chosen |= {name: [] for name in DATES}
    others = {name: st.query_params.get_all(name) for name in st.query_params if name not in NAMES}
    wanted = others | {name: values for name, values in chosen.items() if values}
    if wanted != {name: st.query_params.get_all(name) for name in st.query_params}:
        st.query_params.from_dict(wanted)


def _as_texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(each) for each in value]
    return [] if value is None else [str(value)]


def _title(failure_class: FailureClass) -> str:
    return TAXONOMY[failure_class].title


def _key(name: str) -> str:
    return f"errors_{name}"
