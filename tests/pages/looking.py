"""What a person finds on a page, by its words."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button


def button(at: AppTest, label: str) -> Button:
    """The button whose label begins so; a failed search shows which ones there are."""
    found = [one for one in at.button if one.label.startswith(label)]
    assert found, f"no button {label!r} among {[one.label for one in at.button]}"
    return found[0]


def has_button(at: AppTest, label: str) -> bool:
    return any(one.label.startswith(label) for one in at.button)


def said(at: AppTest) -> str:
    """Everything that the page says in words, messages included."""
    kinds = (at.title, at.markdown, at.caption, at.text, at.error, at.warning, at.info, at.toast)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def grid_data(at: AppTest) -> dict[str, Any]:
    """What the compare grid was given."""
    [component] = at.get("bidi_component")
    proto = component.proto
    found: dict[str, Any] = json.loads(proto.json or proto.mixed.json)
    return found


def wallet(at: AppTest) -> str:
    return next(str(metric.value) for metric in at.metric if metric.label == "Wallet")
