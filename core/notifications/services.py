"""E-mail, and every other service that Apprise speaks: one address, one message."""

import logging
import re
from typing import Any

from core.foundation.scrub import scrub
from core.notifications.guard import public_only
from core.notifications.message import Answer, Message, Outcome

SECONDS = 20
LONGEST_ANSWER = 500
MAIL = ("mailto", "mailtos")
# These act on the machine itself instead of sending anything.
LOCAL = ("blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows")
LOUD = ("WARNING", "ERROR", "CRITICAL")
# What Apprise only says at DEBUG, but is the other side's own words.
TELLING = re.compile(r"^(Socket Exception:|Response Details:)\s*\S")


def known_address(address: str) -> bool:
    """Whether Apprise knows the service and finds its parts in the address."""
    return address.partition(":")[0].lower() not in LOCAL and _service(address) is not None


def send(address: str, message: Message, *, allow_private: bool) -> Answer:
    """Send by Apprise, once; what came of it.

    It tells no status and no `Retry-After`, so every failure may be tried again later, but for an address
    that it does not know or that we refuse.
    """
    service = _service(address)
    if service is None:
        return Answer(Outcome.REFUSED, "no service of Apprise has such an address")
    if isinstance(getattr(service, "headers", None), dict):
        service.headers["X-Inkdesk-Key"] = message.key
    secrets = [each for each in (address, getattr(service, "password", None)) if isinstance(each, str)]
    if allow_private:
        return _answer(_notify(service, message), secrets, [])
    with public_only() as refused:
        return _answer(_notify(service, message), secrets, refused)


def _service(address: str) -> Any:
    import apprise  # takes a quarter of a second to import

    # All that it says is captured, and nothing of it goes to our log: at DEBUG it tells whole addresses.
    logging.getLogger("apprise").setLevel(logging.DEBUG)
    logging.getLogger("apprise").propagate = False
    asset = apprise.AppriseAsset(app_id="Inkdesk", app_desc="Inkdesk", http_redirects=False)
    return apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)


def _notify(service: Any, message: Message) -> Any:
    import apprise

    sender = apprise.Apprise(service)
    parts = [message.body, message.link or "", f"Message {message.key}"]
    return sender.notify(
        title=message.title,
        body="\n\n".join(part for part in parts if part),
        body_format=apprise.NotifyFormat.TEXT,
        timeout=SECONDS,
        log_level=logging.DEBUG,
    )


def _answer(result: Any, secrets: list[str], refused: list[str]) -> Answer:
    if result:
        return Answer(Outcome.ACCEPTED, "accepted")
    if refused:
        return Answer(
            Outcome.REFUSED, f"{refused[0]} is not a public address; INKDESK_NOTIFY_PRIVATE allows it"
        )
    said = [each.message for each in result.logs() if each.level in LOUD or TELLING.match(each.message)]
    last = "; ".join(said[-3:]) or f"not delivered ({result.status.name.lower()})"
    return Answer(Outcome.RETRY, scrub(" ".join(last.split()), secrets)[:LONGEST_ANSWER])
