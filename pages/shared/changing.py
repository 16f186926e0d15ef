"""One change by whoever acts: roles of this moment, one transaction, and a word about it afterwards."""

import contextlib
from collections.abc import Iterator
from typing import Any

import streamlit as st

from core.access.permissions import Actor
from core.access.staff import actor_by_id
from pages.shared.start import Desk, flash, operator_errors


@contextlib.contextmanager
def changing(desk: Desk, done: str) -> Iterator[tuple[Any, Actor]]:
    """Session and actor for one change. An error is shown as a sentence; else the page begins anew."""
    changed = False
    with operator_errors():
        with desk.services.database.transaction() as session:
            yield session, actor_by_id(session, desk.actor.id)
        changed = True
    if changed:
        flash(done)
        st.rerun()
