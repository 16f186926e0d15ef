"""A browser's end of Streamlit's wire: a session over the websocket of a running app, without a browser."""

import contextlib
import time
from collections.abc import Iterator

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

LIMIT_SECONDS = 60.0
AGAIN = ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN


@contextlib.contextmanager
def browser_session(url: str) -> Iterator["BrowserSession"]:
    """A new tab of the app at this address; closed at the end."""
    stream = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
    spoken = [Subprotocol("streamlit")]
    with connect(stream, subprotocols=spoken, origin=Origin(url), max_size=None, proxy=None) as socket:
        yield BrowserSession(socket)


class BrowserSession:
    """One tab: `look` runs a page and waits until the script has finished."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.alerts: list[str] = []

    def look(self, page: str = "") -> float:
        """Run the page with this address; seconds until its script has finished. TimeoutError.

        `alerts` holds the errors that it showed meanwhile.
        """
        asked = BackMsg()
        asked.rerun_script.page_name = page
        self.alerts = []
        begun = time.perf_counter()
        self._socket.send(asked.SerializeToString())
        while True:
            told = ForwardMsg.FromString(self._received(begun))
            if told.WhichOneof("type") == "delta":
                element = told.delta.new_element
                if element.HasField("exception"):
                    self.alerts.append(element.exception.message)
            if told.WhichOneof("type") == "script_finished" and told.script_finished != AGAIN:
                return time.perf_counter() - begun

    def _received(self, begun: float) -> bytes:
        left = begun + LIMIT_SECONDS - time.perf_counter()
        message = self._socket.recv(timeout=max(left, 0.0), decode=False)
        assert isinstance(message, bytes)
        return message
