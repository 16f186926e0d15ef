"""A click counts once, also when a part of the page that draws itself anew is due at the same moment.

The browser notes a click and sends it when its hands are free. If a fragment's timer (`run_every`) was due
before that, its request takes the click along, and then the click is sent as well: whatever it does is done
twice. Seen with Streamlit 1.67.0, where `setTriggerValue` waits for a timeout of 0 ms and the timers do not.
"""

from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

CLICKS = {"trigger_value", "string_trigger_value", "json_trigger_value", "chat_input_value"}


class ClicksOnce:
    """Between the browser's socket and Streamlit: what a timer asks for carries no clicks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""

        async def receive_once() -> Message:
            message = await receive()
            asked = message.get("bytes")
            return {**message, "bytes": without_timed_clicks(asked)} if asked else message

        await self._app(scope, receive_once if scope["type"] == "websocket" else receive, send)


def without_timed_clicks(asked: bytes) -> bytes:
    """A request as the browser sent it; one of a timer without the clicks, which come by themselves next."""
    message = BackMsg()
    try:
        message.ParseFromString(asked)
    except DecodeError:
        return asked  # Streamlit says what is wrong with it
    if not message.rerun_script.is_auto_rerun:
        return asked
    widgets = message.rerun_script.widget_states.widgets
    kept = [each for each in widgets if each.WhichOneof("value") not in CLICKS]
    if len(kept) == len(widgets):
        return asked
    del widgets[:]
    widgets.extend(kept)
    return message.SerializeToString()
