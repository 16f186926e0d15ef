"""How every page begins and speaks: access, title, messages that outlive a rerun, and errors as sentences."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator

import streamlit as st

import core.services
from core.access.permissions import Actor, Permission, require
from core.access.staff import actor_by_id
from core.foundation.errors import NotAllowed, OperatorError, SetupError
from core.services import Services

STAFF_ID = "shell_staff_id"
FLASH = "flash"
# What Markdown, formulas ($) and icons (:name:) begin with.
MARKDOWN = re.compile(r"([\\`*\[\]<$~]|:(?=\S))")


@dataclasses.dataclass(frozen=True)
class Desk:
    """What a page works with: the doors of this process, and who acts, with their roles of this moment."""

    services: Services
    actor: Actor


def start_page(title: str, permission: Permission = Permission.LOOK, *, icon: str | None = None) -> Desk:
    """Check access, show the title and what the last run wanted to say. Stops where it may not go on.

    It looks up for itself who acts: the shell only remembers their number; a role taken away counts at once.
    """
    services = services_or_wait()
    st.title(f"{icon} {title}" if icon else title, anchor=False)
    _show_flash()
    staff_id = st.session_state.get(STAFF_ID)
    if staff_id is None:
        st.error("Nobody is signed in. Open Inkdesk from its start page and sign in there.")
        st.stop()
    try:
        with services.database.transaction() as session:
            actor = actor_by_id(session, staff_id)
        require(actor, permission)
    except OperatorError as exc:
        st.error(plain(str(exc)))
        st.stop()
    return Desk(services, actor)


def services_or_wait() -> Services:
    """The services of this process; while it is still starting, the page waits and comes back by itself."""
    try:
        return core.services.current()
    except SetupError:
        _wait_for_services()
        st.stop()


def refusal(actor: Actor, permission: Permission) -> str | None:
    """Why this actor may not do something, to be said before they try; None where they may."""
    try:
        require(actor, permission)
    except NotAllowed as exc:
        return str(exc)
    return None


def plain(text: str) -> str:
    """A text for a place that reads Markdown, such as a message with a customer's name in it."""
    return MARKDOWN.sub(r"\\\1", text)


def flash(text: str, *, icon: str = ":material/check_circle:") -> None:
    """Say something once, after the rerun that follows."""
    st.session_state[FLASH] = (text, icon)


@contextlib.contextmanager
def operator_errors() -> Iterator[None]:
    """Show what went wrong as a sentence; anything but an OperatorError is a bug and passes."""
    try:
        yield
    except OperatorError as exc:
        st.error(plain(str(exc)))


def _show_flash() -> None:
    if waiting := st.session_state.pop(FLASH, None):
        text, icon = waiting
        st.toast(plain(text), icon=icon)


@st.fragment(run_every="1s")
def _wait_for_services() -> None:
    try:
        core.services.current()
    except SetupError as exc:
        st.info(str(exc), icon=":material/hourglass_top:")
    else:
        st.rerun()
