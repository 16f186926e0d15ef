"""The operator's clock."""

import zoneinfo
from datetime import date, datetime

import streamlit as st


def zone() -> zoneinfo.ZoneInfo:
    """The browser's time zone, or UTC where it tells none that is known."""
    try:
        return zoneinfo.ZoneInfo(st.context.timezone or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")


def today() -> date:
    """The day at the operator's place."""
    return datetime.now(zone()).date()
