"""Past alerts, and one alert with all that happened to it."""

from datetime import datetime, tzinfo
from typing import Any

import streamlit as st

from core.alerts.views import AlertView, board, history, one_alert, past_alerts
from core.foundation.errors import NotFound
from core.foundation.wording import count, duration, moment
from pages.alerts.cards import card
from pages.alerts.words import ALERT, SEVERITIES, STATES
from pages.shared.start import Desk, plain

TABLE = "alerts_past"
SHOWN = "alerts_past_shown"


def past(desk: Desk, zone: tzinfo) -> None:
    """What fired and is over, the latest first; a click opens one."""
    if (opened := _opened()) is not None:
        st.query_params[ALERT] = str(opened)
        st.rerun()
    with desk.services.database.transaction() as session:
        found = past_alerts(session)
    if not found:
        st.info("No alert has fired and ended yet.")
        return
    st.session_state[SHOWN] = [each.id for each in found]
    st.caption(f"The latest {count(len(found), 'alert')}. Click a row to open it.")
    st.dataframe(
        [_cells(each, zone) for each in found],
        key=TABLE,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-cell",
        column_config=_columns(),
        alt="Alerts that are over, the latest first",
    )


def show_alert(desk: Desk, alert_id: int, zone: tzinfo) -> None:
    """One alert: what can be done about it, and its history."""
    st.button("All alerts", key="alerts_back", icon=":material/arrow_back:", on_click=_close)
    with desk.services.database.transaction() as session:
        alert, seen = one_alert(session, alert_id), board(session)
        lines = history(session, alert_id)
    if alert is None:
        raise NotFound(f"There is no alert {alert_id}.")
    if alert.live:
        card(desk, alert, seen, zone, opened=True)
    else:
        _over(alert, zone, seen.now)
    st.markdown("**What happened**")
    st.dataframe(
        [
            {
                "at": line.at.astimezone(zone).replace(tzinfo=None),
                "what": line.action.capitalize(),
                "who": "Inkdesk" if line.actor == "system" else line.actor,
                "note": line.note or "",
            }
            for line in lines
        ],
        hide_index=True,
        column_config={
            "at": st.column_config.DatetimeColumn("When", format="D MMM HH:mm:ss", width=130),
            "what": st.column_config.TextColumn("What", width=160),
            "who": st.column_config.TextColumn("Who", width=140),
            "note": st.column_config.TextColumn("Note"),
        },
        alt="The alert's history, oldest first",
    )


def _over(alert: AlertView, zone: tzinfo, now: datetime) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(
            f"{STATES[alert.state]} {SEVERITIES[alert.severity]} **{plain(alert.rule.spec.name)}** "
            f":gray[:small[{_span(alert, zone, now)}]]"
        )
        st.markdown(f"{plain(alert.title)}: {plain(alert.said)}")


def _span(alert: AlertView, zone: tzinfo, now: datetime) -> str:
    if alert.fired_at is None or alert.resolved_at is None:
        return "never fired"
    lasted = duration(alert.resolved_at - alert.fired_at)
    return f"fired {moment(alert.fired_at, zone, today=now)}, over after {lasted}"


def _opened() -> int | None:
    cells = st.session_state.get(TABLE, {}).get("selection", {}).get("cells", [])
    shown: list[int] = st.session_state.get(SHOWN, [])
    row = cells[0][0] if cells else len(shown)
    return shown[row] if row < len(shown) else None


def _close() -> None:
    st.query_params.pop(ALERT, None)
    st.session_state.pop(TABLE, None)


def _cells(alert: AlertView, zone: tzinfo) -> dict[str, Any]:
    fired, over = alert.fired_at, alert.resolved_at
    return {
        "id": alert.id,
        "fired": fired.astimezone(zone).replace(tzinfo=None) if fired else None,
        "lasted": duration(over - fired) if fired and over else "",
        "severity": alert.severity.capitalize(),
        "rule": alert.rule.spec.name,
        "what": alert.title,
        "said": alert.said,
    }


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "id": column.NumberColumn("No.", format="localized", width=56),
        "fired": column.DatetimeColumn("Fired", format="D MMM HH:mm:ss", width=124),
        "lasted": column.TextColumn("Lasted", width=92),
        "severity": column.TextColumn("Severity", width=76),
        "rule": column.TextColumn("Rule", width=190),
        "what": column.TextColumn("What", width=190),
        "said": column.TextColumn("Last seen", width="large"),
    }
