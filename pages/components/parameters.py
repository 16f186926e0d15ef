"""How the model shall draw: its quality and the other inputs that it takes."""

import streamlit as st

from core.provider.catalog import MODELS, Parameter
from pages.components.start import Desk

LABELS = {
    "quality": "Quality",
    "input_fidelity": "Likeness to the selfie",
    "background": "Canvas",
    "moderation": "Provider's filter",
    "output_format": "File format",
}


def parameters(desk: Desk) -> dict[str, str]:
    """A widget for every input that the desk offers, the quality in front."""
    quality, *others = MODELS[desk.services.settings.model].parameters
    chosen: dict[str, str] = {}
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        chosen[quality.name] = _quality(quality)
        with st.popover("Options", icon=":material/tune:"):
            for parameter in others:
                chosen[parameter.name] = _option(parameter)
    return chosen


def _quality(parameter: Parameter) -> str:
    # With `auto` the model would choose the price.
    offered = [option for option in parameter.allowed if option != "auto"]
    quality: str | None = st.segmented_control(
        LABELS[parameter.name],
        offered,
        default=parameter.preset,
        required=True,
        format_func=str.capitalize,
        key=f"generate_parameter_{parameter.name}",
        persist_state="session",
    )
    return quality or parameter.preset


def _option(parameter: Parameter) -> str:
    option: str = st.selectbox(
        LABELS.get(parameter.name, parameter.name),
        parameter.allowed,
        index=parameter.allowed.index(parameter.preset),
        key=f"generate_parameter_{parameter.name}",
        persist_state="session",
    )
    return option
