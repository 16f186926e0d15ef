"""From a figure of the Errors page to the list of exactly those generations."""

from collections.abc import Iterable
from datetime import datetime

from core.monitoring.rollups import EVERYTHING, Slice
from core.tables.generation import State

Query = dict[str, str | list[str]]


def list_query(
    state: State,
    since: datetime,
    until: datetime,
    *,
    classes: Iterable[str] = (),
    only: Slice = EVERYTHING,
) -> Query:
    """The address of the list that holds what ended so, from `since` to the exclusive `until`."""
    query: Query = {
        "state": state.value,
        "ended_from": since.isoformat(),
        "ended_to": until.isoformat(),
    }
    if chosen := [str(name) for name in classes]:
        query["class"] = chosen
    if only != EVERYTHING:
        query |= {"dimension": only.dimension, "value": only.value}
    return query
