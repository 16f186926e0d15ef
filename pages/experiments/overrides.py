"""What a column of an experiment draws otherwise than its version was saved: any input that its model takes.

Each input may have several values; a version is then drawn in every combination of them.
"""

import itertools
from collections.abc import Mapping, Sequence

import streamlit as st

from core.catalog.models import MODELS
from core.catalog.offer import Parameter
from pages.shared.parameters import LABELS
from pages.shared.start import plain

AS_SAVED = "as saved"
# The quality has its own field, for all columns at once.
APART = "quality"


def override_row(key: str, title: str, model: str, saved: Mapping[str, str]) -> list[dict[str, str]]:
    """One column's name with what it overrides as chips, and the fields; the overrides, a dict a variant."""
    offered = [each for each in MODELS[model].parameters if each.name != APART] if model in MODELS else []
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":small[{plain(title)}]", width="content")
        chosen = {each.name: _chosen(f"{key}_{each.name}", each) for each in offered}
        for name, values in chosen.items():
            if values != [AS_SAVED]:
                st.badge(f"{LABELS.get(name, name)}: {', '.join(values)}", color="blue")
        if offered:
            with st.popover("Options", icon=":material/tune:", type="tertiary", key=f"{key}_box"):
                st.caption("With several values it is drawn in every combination of them.")
                for each in offered:
                    _field(f"{key}_{each.name}", each, saved.get(each.name, each.preset))
    return combinations(chosen, saved)


def combinations(chosen: Mapping[str, Sequence[str]], saved: Mapping[str, str]) -> list[dict[str, str]]:
    """Every combination of the chosen values, as overrides; what is saved so anyway is there once."""
    values = [
        # With "as saved" chosen too, the saved value itself says nothing more.
        [each for each in options if not (AS_SAVED in options and each == saved.get(name))]
        for name, options in chosen.items()
    ]
    return [
        {name: value for name, value in zip(chosen, each, strict=True) if value != AS_SAVED}
        for each in itertools.product(*values)
    ]


def _chosen(key: str, parameter: Parameter) -> list[str]:
    kept = [each for each in st.session_state.get(key) or [] if each in (AS_SAVED, *parameter.allowed)]
    return kept or [AS_SAVED]


def _field(key: str, parameter: Parameter, saved: str) -> None:
    st.session_state[key] = _chosen(key, parameter)
    st.pills(
        LABELS.get(parameter.name, parameter.name),
        [AS_SAVED, *parameter.allowed],
        selection_mode="multi",
        key=key,
        format_func=lambda value: f"{AS_SAVED} ({saved})" if value == AS_SAVED else value,
    )
