"""A transfer settles its charge itself; what that makes needless goes.

Revision ID: r0030
Revises: r0029
"""

from alembic import op

from core.migrations import case_money, lean_postings, settling
from core.migrations.former import former
from core.migrations.versions import r0002_ledger

revision = "r0030"
down_revision: str | None = "r0029"
branch_labels = None
depends_on = None

FORMER = {
    "transfer_request_hash": r0002_ledger.HASHES,
    "check_charge_update": case_money.REFUSALS,
    "refuse_entry": lean_postings.ENTERING,
    "enter_transfer": lean_postings.ENTERING,
    "check_transfer_case": lean_postings.REFUSALS,
    "post_transfer": lean_postings.POSTING,
}


def upgrade() -> None:
    for statements in (
        settling.INDEXES,
        settling.KEYS,
        settling.DROP_TOLD,
        settling.REQUESTS,
        settling.TOLD,
        settling.QUEUE,
        settling.GUARDS,
        settling.SETTLING,
        settling.POSTING,
    ):
        op.execute(statements)


def downgrade() -> None:
    for function, statements in FORMER.items():
        op.execute(former(statements, function))
    for statements in (
        settling.UNDO_GUARDS,
        settling.UNDO_QUEUE,
        settling.UNDO_SETTLING,
        settling.UNDO_REQUESTS,
        lean_postings.TRANSFER_TOLD,
        lean_postings.ENTRY_TOLD,
        lean_postings.CHARGE_TOLD,
        settling.UNDO_KEYS,
        settling.UNDO_INDEXES,
    ):
        op.execute(statements)
