# ruff: noqa: RUF001, S311
"""Fingerprints: one per kind of failure, whatever ids, numbers and times a message carries."""

import random
import string
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from core.classification.fingerprint import fingerprint, normalise

TEMPLATES = [
    "CUDA out of memory. Tried to allocate {size} GiB (GPU {n}; {size} GiB total capacity; {size} MiB free)",
    "Request was throttled. Your rate limit resets in ~{n}s.",
    "Please try again in {size}s. Request id: {token}",
    "Service is temporarily unavailable. Please try again later. (E004) ({token})",
    "Service is currently unavailable due to high demand. (E003) ({token})",
    "Client error '404 Not Found' for url '{url}'",
    "Client error for url '{url}' of {email}",
    "include the request ID {uuid}. safety_violations=[sexual].",
    "include the request ID {uuid}. safety_violations=[violence].",
    "Prediction {token} timed out after {n} seconds",
    "{date} worker-{n} lost its lease {hex}",
    "[{stamp}] host {ip}:{n} refused the connection",
    "expected {n}x{n} pixels, got {n}x{n}",
    "object at {pointer} in {path} line {n}",
    "image file is truncated ({n} bytes not processed)",
    "余额不足，剩余 {size}，请求 {uuid}",
]


def values(chance: random.Random) -> dict[str, str]:
    def token(length: int) -> str:
        body = "".join(chance.choices(string.ascii_letters + string.digits, k=length - 1))
        return body + chance.choice(string.digits)

    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(30_000_000))
    made: dict[str, Callable[[], str]] = {
        "n": lambda: str(chance.randrange(1, 100_000)),
        "size": lambda: f"{chance.uniform(0.1, 900):.2f}",
        "token": lambda: token(chance.randrange(10, 27)),
        "uuid": lambda: str(uuid.UUID(int=chance.getrandbits(128))),
        "url": lambda: (
            f"https://replicate.delivery/xezq/{token(16)}/out-{chance.randrange(9)}.png?sig={token(30)}"
        ),
        "email": lambda: f"{token(8)}@mail{chance.randrange(9)}.example",
        "date": moment.isoformat,
        "stamp": lambda: moment.strftime("%Y-%m-%d %H:%M:%S"),
        "hex": lambda: f"{chance.getrandbits(160):040x}",
        "pointer": lambda: f"0x{chance.getrandbits(48):012x}",
        "ip": lambda: ".".join(str(chance.randrange(256)) for _ in range(4)),
        "path": lambda: f"/tmp/{token(8)}/{token(6)}.png",
    }
    return {name: make() for name, make in made.items()}


def test_ten_thousand_messages_of_k_templates_make_exactly_k_groups() -> None:
    chance = random.Random(20261122)
    texts = [TEMPLATES[index % len(TEMPLATES)].format(**values(chance)) for index in range(10_000)]
    marks = [fingerprint("provider_outage", text) for text in texts]
    assert len(set(texts)) > 9_000
    assert len(set(marks)) == len(TEMPLATES)
    assert {len(set(marks[index :: len(TEMPLATES)])) for index in range(len(TEMPLATES))} == {1}


def test_the_class_is_part_of_the_name() -> None:
    assert fingerprint("timeout", "boom") != fingerprint("network", "boom")


def test_the_name_carries_its_version_and_never_moves() -> None:
    # A changed algorithm must take a new version; this value is what stored groups are called.
    assert fingerprint("timeout", "Timed out after 300 s (E6716)") == "v1:bef9bd51770409fe"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Took 12.5s, then 1 minute 5 seconds", "took <duration>, then <duration>"),
        ("3 of 1,024 failed", "<n> of <n> failed"),
        ("(E004) stays, (E005) too", "(e004) stays, (e005) too"),
        ("a  b\n\tc", "a b c"),
        ("Sun, 22 Nov 2026 16:03:20 GMT", "<date>"),
        ("mail ann@example.org", "mail <email>"),
        ("gpu3 and GPU 4", "gpu<n> and gpu <n>"),
        ("data:image/png;base64,iVBORw0KGgo=", "<data>"),
    ],
)
def test_what_differs_from_one_occurrence_to_the_next_is_replaced(text: str, expected: str) -> None:
    assert normalise(text) == expected


def test_a_normalised_text_stays_as_it_is() -> None:
    chance = random.Random(7)
    for template in TEMPLATES:
        once = normalise(template.format(**values(chance)))
        assert normalise(once) == once


def test_long_messages_that_differ_only_far_behind_are_one_group() -> None:
    assert fingerprint("unknown", "x " * 3000 + "one") == fingerprint("unknown", "x " * 3000 + "two")
