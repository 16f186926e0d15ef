"""Channels: where notifications go. Addresses may hold secrets and are never shown whole."""

import dataclasses
import os
import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlsplit

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.notifications import services
from core.tables.notifications import ChannelKind, NotificationChannel

SEVERITIES = ("info", "warning", "critical")
LONGEST_NAME = 60
LONGEST_ADDRESS = 2_000
# Only these variables: an address must not send away what other variables hold.
REFERENCE = re.compile(r"\$\{(INKDESK_SECRET_[A-Z0-9_]+)\}")


@dataclasses.dataclass(frozen=True)
class ChannelView:
    """A channel as pages show it; the address without what may be secret."""

    id: int
    name: str
    kind: ChannelKind
    shown_address: str
    min_severity: str
    enabled: bool
    made_by: str
    made_at: datetime


def channels(session: Session) -> list[ChannelView]:
    """Every channel, by name."""
    rows = session.scalars(select(NotificationChannel).order_by(NotificationChannel.name))
    return [_view(row) for row in rows]


def add_channel(
    session: Session, *, actor: Actor, name: str, kind: ChannelKind, address: str, min_severity: str
) -> int:
    """Add a channel; its number. Raises NotAllowed, InvalidInput, and Conflict where the name is taken."""
    require(actor, Permission.CONFIGURE_ALERTS)
    row = NotificationChannel(made_by=actor.name, kind=kind, enabled=True)
    _fill(row, name=name, address=address, min_severity=min_severity)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict(f"There is a channel named {row.name} already.") from None
    _audit(session, actor, row, "add", None)
    return row.id


def change_channel(
    session: Session,
    *,
    actor: Actor,
    channel_id: int,
    name: str,
    address: str | None,
    min_severity: str,
    enabled: bool,
) -> None:
    """Change a channel; without an address the one that is there stays.

    Raises as `add_channel`, and NotFound.
    """
    require(actor, Permission.CONFIGURE_ALERTS)
    row = session.get(NotificationChannel, channel_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("There is no such channel.")
    before = _facts(row)
    try:
        with session.begin_nested():
            _fill(row, name=name, address=address or row.address, min_severity=min_severity)
            row.enabled = enabled
    except IntegrityError:
        raise Conflict(f"There is a channel named {name.strip()} already.") from None
    _audit(session, actor, row, "change", before)


def with_secrets(address: str, environment: Mapping[str, str] | None = None) -> str | None:
    """The address with the secrets that it names; None where this process knows one of them not."""
    known = os.environ if environment is None else environment
    names = REFERENCE.findall(address)
    if any(name not in known for name in names):
        return None
    if names and REFERENCE.fullmatch(address):
        return known[names[0]]
    return REFERENCE.sub(lambda found: quote(known[found[1]], safe=""), address)


def shown(address: str) -> str:
    """Where it leads, without what may be secret: scheme and host, or the name of the secret."""
    if REFERENCE.fullmatch(address):
        return address
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return "…"
    # Many services of Apprise carry a token in the host's place.
    named = host if "." in host or host == "localhost" else "…"
    return f"{parts.scheme}://{named}/…"


def _fill(row: NotificationChannel, *, name: str, address: str, min_severity: str) -> None:
    row.name, row.address, row.min_severity = name.strip(), address.strip(), min_severity
    if not 1 <= len(row.name) <= LONGEST_NAME:
        raise InvalidInput(f"A channel's name has 1 to {LONGEST_NAME} characters.")
    if min_severity not in SEVERITIES:
        raise InvalidInput("Choose a severity.")
    _check_address(ChannelKind(row.kind), row.address)


def _check_address(kind: ChannelKind, address: str) -> None:
    if not 0 < len(address) <= LONGEST_ADDRESS:
        raise InvalidInput("Enter the channel's address.")
    if REFERENCE.fullmatch(address):
        return
    # A secret's place is kept by a letter, so that the parts can be checked without it.
    whole = REFERENCE.sub("x", address)
    scheme = whole.partition(":")[0].lower()
    match kind:
        case ChannelKind.WEBHOOK:
            if scheme not in ("https", "http") or not _host(whole):
                raise InvalidInput("A webhook's address begins with https:// and names a host.")
        case ChannelKind.EMAIL:
            if scheme not in services.MAIL or not services.known_address(whole):
                raise InvalidInput(
                    "An e-mail address here reads mailtos://user:password@server?from=desk@example.com"
                    "&to=oncall@example.com"
                )
        case ChannelKind.APPRISE:
            if not services.known_address(whole):
                raise InvalidInput("Apprise knows no service with such an address.")


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _view(row: NotificationChannel) -> ChannelView:
    return ChannelView(
        id=row.id,
        name=row.name,
        kind=ChannelKind(row.kind),
        shown_address=shown(row.address),
        min_severity=row.min_severity,
        enabled=row.enabled,
        made_by=row.made_by,
        made_at=row.made_at,
    )


def _facts(row: NotificationChannel) -> dict[str, object]:
    return {
        "name": row.name,
        "kind": row.kind,
        "address": shown(row.address),
        "min_severity": row.min_severity,
        "enabled": row.enabled,
    }


def _audit(
    session: Session, actor: Actor, row: NotificationChannel, what: str, before: dict[str, object] | None
) -> None:
    record(
        session,
        actor=actor,
        action=f"channel.{what}",
        subject=f"channel:{row.id}",
        before=before,
        after=_facts(row),
    )
    session.flush()
