"""How states look, on every page the same."""

from core.tables.generation import State

# Colours of Streamlit's badges and chips; the word is always there, so that nobody needs the colour.
COLOURS = {
    State.QUEUED: "gray",
    State.SUBMITTING: "blue",
    State.RENDERING: "blue",
    State.STORING: "violet",
    State.SUCCEEDED: "green",
    State.FAILED: "red",
    State.CANCELED: "orange",
}
ICONS = {
    State.QUEUED: ":material/schedule:",
    State.SUBMITTING: ":material/upload:",
    State.RENDERING: ":material/brush:",
    State.STORING: ":material/download:",
    State.SUCCEEDED: ":material/check_circle:",
    State.FAILED: ":material/error:",
    State.CANCELED: ":material/cancel:",
}


def badge(state: State) -> str:
    """Markdown of a state's badge."""
    return f":{COLOURS[state]}-badge[{ICONS[state]} {state.value.capitalize()}]"
