"""The grid on a page. Only another baseline and a way to another page come back to the server."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.experiments.compare_grid.files import PATH

# Modules are loaded by their address, once for the whole visit.
SCRIPT = f"""const grid = import(new URL("{PATH}/main.js", window.location.origin));
export default async (component) => (await grid).default(component);
"""
HTML = (
    f'<link rel="stylesheet" href="{PATH}/style.css"><div class="compare" style="visibility: hidden"></div>'
)

_grid = st.components.v2.component("inkdesk_compare_grid", html=HTML, js=SCRIPT)


def mount_grid(data: dict[str, Any], *, key: str, on_baseline: Callable[[int], None]) -> Any:
    """Show the grid; the answer is what its links ask for: `page` and a number, or None.

    `on_baseline` is told of another baseline before the page is drawn anew.
    """

    def chosen() -> None:
        asked = st.session_state[key]["baseline"]
        if isinstance(asked, int):
            on_baseline(asked)

    return _grid(key=key, data=data, on_baseline_change=chosen, on_go_change=_nothing)["go"]


def _nothing() -> None:
    """A link is followed after the page was drawn; see `mount_grid`."""
