"""The sandbox's clock, ids, timestamps, durations and fault rules."""

import asyncio
import datetime as dt
import threading
import time

import pytest

from core.sandbox.clock import Clock
from core.sandbox.fault_book import FaultBook
from core.sandbox.faults import Stage
from core.sandbox.identifiers import decode_cursor, encode_cursor, new_id, parse_duration, parse_moment, stamp
from core.sandbox.webhooks import acceptable, signature


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("30s", 30), ("5m", 300), ("1h30m45s", 5445), ("7.5", 7.5), ("2h", 7200)],
)
def test_durations_are_read_as_the_document_writes_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "5d", "5s5m"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text or ".*"):
        parse_duration(text)


def test_ids_are_26_characters_and_never_the_same() -> None:
    ids = {new_id() for _ in range(200)}
    assert len(ids) == 200
    assert {len(one) for one in ids} == {26}


def test_a_timestamp_is_within_a_millisecond_of_its_moment() -> None:
    moment = dt.datetime(2026, 2, 3, 4, 5, 6, 7891, tzinfo=dt.UTC).timestamp()
    for salt in "abcdefgh":
        assert abs(parse_moment(stamp(moment, salt)) - moment) < 0.001
    assert parse_moment("2026-02-03T05:05:06.007891 01:00") == moment
    assert parse_moment("2026-02-03T04:05:06.007891") == moment


def test_cursors_survive_the_round_trip_and_others_are_refused() -> None:
    for position, backwards in ((0, False), (123, True)):
        assert decode_cursor(encode_cursor(position, backwards=backwards)) == (position, backwards)
    for wrong in ("", "abc", "cD14", "/////w=="):
        with pytest.raises(ValueError, match=r".*"):
            decode_cursor(wrong)


def test_a_sleeper_wakes_when_the_clock_jumps() -> None:
    clock = Clock(scale=1)
    threading.Timer(0.05, clock.advance, (60,)).start()
    began = time.monotonic()
    asyncio.run(clock.sleep(50))
    assert time.monotonic() - began < 30


def test_durations_scale_and_moments_do_not() -> None:
    clock = Clock(scale=0.5)
    before = clock.now()
    assert abs(before - time.time()) < 1
    clock.advance(1000)
    assert 500 <= clock.now() - before < 501
    assert clock.span(3) == 1.5


def test_a_rule_strikes_as_often_as_wanted_and_only_what_matches() -> None:
    book = FaultBook({}, 0)
    book.add("e003", times=2, prompt_contains="cat", user_id="u", model="m")
    assert book.at_creation("a dog", "u", "m").name(Stage.RUN) == ""
    assert book.at_creation("a cat", "v", "m").name(Stage.RUN) == ""
    assert book.at_creation("a cat", "u", "n").name(Stage.RUN) == ""
    struck = [book.at_creation("a cat", "u", "m").name(Stage.RUN) for _ in range(3)]
    assert struck == ["e003", "e003", ""]
    book.add("e004", times=None)
    assert [book.at_creation("x", "", "").name(Stage.RUN) for _ in range(3)] == ["e004"] * 3
    book.clear()
    assert book.at_creation("x", "", "").faults == {}


def test_words_in_the_prompt_go_before_rules() -> None:
    book = FaultBook({}, 0)
    book.add("e003", times=1)
    assert book.at_creation("[sandbox:e004]", "", "").name(Stage.RUN) == "e004"


def test_a_word_for_another_kind_of_request_waits_for_it() -> None:
    book = FaultBook({}, 0)
    for _ in range(2):
        assert book.at_creation("[sandbox:list_500 x2] [sandbox:nonsense]", "", "").faults == {}
    assert [book.at(Stage.LIST) for _ in range(3)] == ["list_500", "list_500", ""]
    assert book.at(Stage.GET) == ""


def test_a_mix_strikes_about_as_often_as_it_says() -> None:
    book = FaultBook({"e003": 0.2, "get_500": 0.1}, seed=3)
    struck = [book.at_creation(str(number), "", "").name(Stage.RUN) for number in range(1000)]
    assert 150 < struck.count("e003") < 250
    assert struck.count("") == 1000 - struck.count("e003")
    assert 60 < [book.at(Stage.GET) for _ in range(1000)].count("get_500") < 140
    with pytest.raises(KeyError, match="nonsense"):
        book.set_mix({"nonsense": 1.0}, 0)


def test_webhooks_are_signed_as_in_the_clients_own_test_vector() -> None:
    key, message = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    signed = signature(key, message, 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_webhooks_go_to_https_or_to_this_machine() -> None:
    good = ("https://example.com/x", "http://127.0.0.1:8/x", "http://localhost/x", "http://[::1]:9/x")
    assert all(acceptable(url) for url in good)
    assert not any(
        acceptable(url) for url in ("http://10.0.0.1/", "http://example.com", "https://", "file:///x")
    )
