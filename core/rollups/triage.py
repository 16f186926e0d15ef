"""States of error groups that follow from time and counts alone: aged, escalating, calm again, mute over."""

# ruff: noqa: S608 - the statements are put together from constants of this file

from sqlalchemy import text
from sqlalchemy.orm import Session

# A group is new, or back again, for so long.
FRESH_HOURS = 24
# Below this many in an hour nothing escalates.
FEWEST_IN_AN_HOUR = 10

# The limit of Sentry's documentation ("Escalating Issues"), on the hours of the week before:
# average + min(max((average + 5 deviations) / average, 5), 8) * average.
BUSY = f"""
    SELECT g.fingerprint,
        coalesce(sum(h.events) FILTER (WHERE h.hour = this_hour), 0) AS current,
        coalesce(sum(h.events) FILTER (WHERE h.hour < this_hour), 0) / hours AS average,
        coalesce(sum(h.events * h.events) FILTER (WHERE h.hour < this_hour), 0) / hours AS squares
    FROM error_group g
    CROSS JOIN LATERAL (SELECT date_trunc('hour', clock_timestamp(), 'UTC') AS this_hour) c
    CROSS JOIN LATERAL (SELECT greatest(1, least(168,
        ceil(extract(epoch FROM this_hour - g.first_seen) / 3600))) AS hours) w
    JOIN error_group_hour h ON h.fingerprint = g.fingerprint AND h.hour >= this_hour - interval '168 hours'
    WHERE g.first_seen < clock_timestamp() - interval '{FRESH_HOURS} hours'
        AND g.last_seen >= this_hour - interval '1 hour'
    GROUP BY g.fingerprint, this_hour, hours
"""
ABOVE = f"""
    SELECT fingerprint FROM ({BUSY}) b
    WHERE current >= {FEWEST_IN_AN_HOUR} AND current > average * (1 + least(greatest(
        (average + 5 * sqrt(greatest(squares - average * average, 0))) / nullif(average, 0), 5), 8))
"""

# What each rule is called in the history, the state it leads to, and which groups it finds.
RULES = (
    ("mute over", "ongoing", "g.state = 'muted' AND g.muted_until <= clock_timestamp()"),
    (
        "escalated",
        "escalating",
        f"g.state IN ('new', 'ongoing', 'acknowledged', 'regressed') AND g.fingerprint IN ({ABOVE})",
    ),
    (
        "calmed",
        "ongoing",
        f"""g.state = 'escalating' AND g.state_since < clock_timestamp() - interval '1 hour'
            AND g.fingerprint NOT IN ({ABOVE})""",
    ),
    (
        "aged",
        "ongoing",
        f"""g.state IN ('new', 'regressed')
            AND g.state_since < clock_timestamp() - interval '{FRESH_HOURS} hours'""",
    ),
    # A failure that was written while somebody resolved its group, and could not be seen then.
    (
        "regressed",
        "regressed",
        """g.state = 'resolved' AND g.last_seen > g.resolved_at AND EXISTS (
            SELECT FROM error_event e WHERE e.fingerprint = g.fingerprint AND e.at > g.resolved_at
                AND (g.resolved_template IS NULL OR e.template_hash = g.resolved_template))""",
    ),
)

MOVE = """
WITH chosen AS (
    SELECT g.fingerprint, g.state FROM error_group g WHERE {where} ORDER BY 1 FOR NO KEY UPDATE
),
moved AS (
    UPDATE error_group g SET state = '{to}', state_since = clock_timestamp(),
        acknowledged_by = NULL, muted_until = NULL, resolved_at = NULL, resolved_template = NULL
    FROM chosen WHERE g.fingerprint = chosen.fingerprint
    RETURNING g.fingerprint, chosen.state AS former
),
kept AS (
    INSERT INTO error_group_change (fingerprint, actor, action, from_state, to_state)
        SELECT fingerprint, 'system', '{action}', former, '{to}' FROM moved ORDER BY 1
)
SELECT count(*) FROM moved
"""


def triage(session: Session) -> dict[str, int]:
    """Apply every rule; how many groups each has moved."""
    moved = {}
    for action, to, where in RULES:
        statement = text(MOVE.format(where=where, to=to, action=action))
        moved[action] = int(session.execute(statement).scalar_one())
    return moved
