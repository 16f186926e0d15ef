"""Fields of a form as a browser draws them."""

from playwright.sync_api import Locator, expect


def said_in(field: Locator) -> str:
    """What a filled-in field says. Streamlit draws it empty and fills it a few frames later."""
    expect(field).not_to_have_value("")
    return field.input_value()
