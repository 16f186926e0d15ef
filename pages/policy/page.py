"""The refund policy: what is paid at once and what a person decides; drafts are tried on the past."""

from core.foundation.errors import NotFound
from core.refunds.policy import from_json
from core.refunds.policy_views import versions
from core.refunds.versions import in_force, version
from pages.policy.editor import editor
from pages.policy.limits import limits_now
from pages.policy.replay import replay_view
from pages.policy.versions import chosen_version, version_table
from pages.shared.clock import zone
from pages.shared.start import operator_errors, start_page

desk = start_page("Refund policy")
with operator_errors():
    with desk.services.database.transaction() as session:
        current, rules = in_force(session)
        lines = versions(session)
        number = chosen_version(current)
        try:
            shown = from_json(version(session, number).body)
        except NotFound:
            number, shown = current, rules
    limits_now(desk, zone())
    version_table(desk, lines, current=current, shown=number, zone=zone())
    draft = editor(desk, shown, number)
    replay_view(desk, draft, current=rules)
