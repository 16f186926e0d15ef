"""How the model shall draw: which one, its quality and the other inputs that it takes.

What is chosen lies in the session, so that it is known before the widgets are drawn, and what a model does
not offer is put right before they are.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.catalog.models import MODELS
from core.catalog.offer import Parameter

LABELS = {
    "quality": "Quality",
    "input_fidelity": "Likeness to the selfie",
    "background": "Canvas",
    "moderation": "Provider's filter",
    "output_format": "File format",
}


def set_parameters(page: str, model: str, values: Mapping[str, str]) -> None:
    """Choose a model and its parameters, before they are fitted and their widgets are drawn."""
    st.session_state[_model_slot(page)] = model
    for name, value in values.items():
        st.session_state[_slot(page, name)] = value


def fit_parameters(page: str, preset_model: str) -> tuple[str, dict[str, str]]:
    """The model and parameters that are chosen; what the model does not offer becomes its preset."""
    model: str = st.session_state.setdefault(_model_slot(page), preset_model)
    if model not in MODELS:
        model = st.session_state[_model_slot(page)] = preset_model
    chosen = {}
    for parameter in MODELS[model].parameters:
        slot = _slot(page, parameter.name)
        if st.session_state.get(slot) not in parameter.allowed:
            st.session_state[slot] = parameter.preset
        chosen[parameter.name] = st.session_state[slot]
    return model, chosen


def parameter_bar(page: str, model: str) -> None:
    """The quality, and a popover with everything else."""
    quality, *others = MODELS[model].parameters
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        _quality(page, quality)
        with st.popover("Options", icon=":material/tune:"):
            model_field(page)
            for parameter in others:
                parameter_field(page, parameter)


def model_field(page: str, **options: Any) -> None:
    """Which model draws."""
    st.selectbox("Model", list(MODELS), key=_model_slot(page), persist_state="session", **options)


def parameter_field(page: str, parameter: Parameter, **options: Any) -> None:
    """One input of the model."""
    st.selectbox(
        LABELS.get(parameter.name, parameter.name),
        parameter.allowed,
        key=_slot(page, parameter.name),
        persist_state="session",
        **options,
    )


def _quality(page: str, parameter: Parameter) -> None:
    slot = _slot(page, parameter.name)
    # With `auto` the model would choose the price; a version that says so keeps it.
    auto = st.session_state.get(slot) == "auto"
    offered = [option for option in parameter.allowed if option != "auto" or auto]
    st.segmented_control(
        LABELS[parameter.name],
        offered,
        required=True,
        format_func=str.capitalize,
        key=slot,
        persist_state="session",
    )


def _slot(page: str, name: str) -> str:
    return f"{page}_parameter_{name}"


def _model_slot(page: str) -> str:
    return f"{page}_model"
