"""The filters of the list of transfers. They live in the address, so that they survive a reload."""

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

import streamlit as st

from core.ledger.transfers import KINDS, TransferFilter

TEXTS = ("customer", "actor", "key")
DATES = ("from", "to")
NUMBERS = ("least", "most")
NAMES = ("kind", *TEXTS, *DATES, *NUMBERS)
CURSORS = ("older", "newer")
LONGEST_TEXT = 200
LARGEST = 1_000_000_000
# Other views of the page have a customer too; theirs is a number under its own name.
ADDRESS = {"customer": "who"}


def filter_bar(zone: tzinfo) -> TransferFilter:
    """Two rows of widgets; what is chosen, and the address with it."""
    _seed()
    first = st.columns([2, 1.5, 1.5, 2])
    second = st.columns([1.3, 1.3, 1.1, 1.1, 0.9], vertical_alignment="bottom")
    changed: dict[str, Any] = {"on_change": to_the_top}
    first[0].multiselect(
        "Kind", KINDS, key=_key("kind"), format_func=str.capitalize, placeholder="Any", **changed
    )
    first[1].text_input("Customer", key=_key("customer"), placeholder="Reference or name", **changed)
    first[2].text_input("Posted by", key=_key("actor"), placeholder="Name", **changed)
    first[3].text_input("Key", key=_key("key"), placeholder="Beginning, such as charge:", **changed)
    second[0].date_input("From", value=None, key=_key("from"), format="YYYY-MM-DD", **changed)
    second[1].date_input("To", value=None, key=_key("to"), format="YYYY-MM-DD", **changed)
    amount: dict[str, Any] = {"min_value": 1, "max_value": LARGEST, "value": None, "step": 1, **changed}
    second[2].number_input("Credits from", key=_key("least"), placeholder="Any", **amount)
    second[3].number_input("Credits to", key=_key("most"), placeholder="Any", **amount)
    second[4].button(
        "Clear", key="ledger_clear", icon=":material/filter_alt_off:", width="stretch", on_click=clear_filters
    )
    _write_address()
    return _filter(zone)


def filtered() -> bool:
    """Whether anything is asked for."""
    return any(st.query_params.get(_address(name)) for name in NAMES)


def clear_filters() -> None:
    """Ask for everything again, from the newest on."""
    for name in NAMES:
        st.session_state[_key(name)] = _read(name, [])
        st.query_params.pop(_address(name), None)
    to_the_top()


def cursor() -> dict[str, int]:
    """From where the list goes on, as the address says; what `page_of_transfers` takes."""
    for name in CURSORS:
        number = st.query_params.get(name, "")
        if number.isdecimal() and len(number) < 19:
            return {name: int(number)}
    return {}


def turn(name: str, number: int | None) -> None:
    """Turn the page."""
    to_the_top()
    if number is not None:
        st.query_params[name] = str(number)


def to_the_top() -> None:
    """Begin with the newest again."""
    for name in CURSORS:
        st.query_params.pop(name, None)


def _seed() -> None:
    for name in NAMES:
        if _key(name) not in st.session_state:
            st.session_state[_key(name)] = _read(name, st.query_params.get_all(_address(name)))


def _read(name: str, values: list[str]) -> Any:
    """A widget's value from the address; what nobody could have chosen is left out."""
    first = values[0] if values else ""
    if name == "kind":
        return [value for value in values if value in KINDS]
    if name in TEXTS:
        return first[:LONGEST_TEXT]
    if name in NUMBERS:
        return int(first) if first.isdecimal() and 1 <= int(first[:12]) <= LARGEST else None
    return _date(first)


def _write_address() -> None:
    own = {_address(name) for name in NAMES}
    others = {name: st.query_params.get_all(name) for name in st.query_params if name not in own}
    chosen = {_address(name): _texts(st.session_state[_key(name)]) for name in NAMES}
    wanted = others | {name: values for name, values in chosen.items() if values}
    if wanted != {name: st.query_params.get_all(name) for name in st.query_params}:
        st.query_params.from_dict(wanted)


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(each) for each in value]
    return [str(value).strip()] if value and str(value).strip() else []


def _filter(zone: tzinfo) -> TransferFilter:
    chosen = {name: st.session_state[_key(name)] for name in NAMES}
    return TransferFilter(
        kinds=tuple(chosen["kind"]),
        customer=chosen["customer"][:LONGEST_TEXT],
        actor=chosen["actor"][:LONGEST_TEXT],
        since=_midnight(chosen["from"], zone),
        # The day named last belongs to it.
        until=_midnight(chosen["to"], zone, days=1),
        least=chosen["least"],
        most=chosen["most"],
        key=chosen["key"][:LONGEST_TEXT],
    )


def _midnight(day: date | None, zone: tzinfo, *, days: int = 0) -> datetime | None:
    return datetime.combine(day + timedelta(days=days), time(), zone) if day else None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _address(name: str) -> str:
    return ADDRESS.get(name, name)


def _key(name: str) -> str:
    return f"ledger_{name}"
