"""What a timer asks for carries no clicks; everything else passes as it came."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import ChatInputValue, StringTriggerValue
from streamlit.proto.WidgetStates_pb2 import WidgetState

from pages.shared.clicks import ClicksOnce, without_timed_clicks

VALUE = WidgetState(id="note", string_value="as written")
CLICKS = [
    WidgetState(id="button", trigger_value=True),
    WidgetState(id="menu", string_trigger_value=StringTriggerValue(data="copy")),
    WidgetState(id="grid", json_trigger_value='["open"]'),
    WidgetState(id="chat", chat_input_value=ChatInputValue(data="hello")),
]


def asked(*widgets: WidgetState, timer: bool) -> bytes:
    message = BackMsg()
    message.rerun_script.query_string = "case=7"
    message.rerun_script.fragment_id = "strip"
    message.rerun_script.is_auto_rerun = timer
    message.rerun_script.widget_states.widgets.extend(widgets)
    return bytes(message.SerializeToString())


@pytest.mark.parametrize("click", CLICKS, ids=lambda each: each.id)
def test_a_timer_brings_no_click(click: WidgetState) -> None:
    assert without_timed_clicks(asked(click, VALUE, timer=True)) == asked(VALUE, timer=True)


@pytest.mark.parametrize("click", CLICKS, ids=lambda each: each.id)
def test_a_click_of_its_own_passes(click: WidgetState) -> None:
    message = asked(click, VALUE, timer=False)
    assert without_timed_clicks(message) is message


def test_a_timer_without_clicks_passes() -> None:
    message = asked(VALUE, timer=True)
    assert without_timed_clicks(message) is message


@pytest.mark.parametrize("message", [b"\xff\xff\xff", b"\x00"])
def test_what_cannot_be_read_is_left_to_streamlit(message: bytes) -> None:
    assert without_timed_clicks(message) is message


def delivered(kind: str, *messages: Message) -> list[Message]:
    """What the application behind it receives on a connection of this kind."""
    received: list[Message] = []
    coming = iter(messages)

    async def application(_scope: Scope, receive: Receive, _send: Send) -> None:
        received.extend([await receive() for _ in messages])

    async def receive() -> Message:
        return next(coming)

    async def send(_message: Message) -> None: ...

    asyncio.run(ClicksOnce(application)({"type": kind}, receive, send))
    return received


def test_a_socket_passes_the_rest_on_as_it_came() -> None:
    opened: Message = {"type": "websocket.connect"}
    words: Message = {"type": "websocket.receive", "text": "hello"}
    timer: Message = {"type": "websocket.receive", "bytes": asked(CLICKS[0], VALUE, timer=True)}
    assert delivered("websocket", opened, words, timer) == [
        opened,
        words,
        {"type": "websocket.receive", "bytes": asked(VALUE, timer=True)},
    ]


def test_plain_http_is_not_looked_at() -> None:
    body: Message = {"type": "http.request", "bytes": asked(CLICKS[0], timer=True)}
    assert delivered("http", body) == [body]
