"""A posting with fewer statements and the same promises; what names a case agrees with it at COMMIT.

Revision ID: r0029
Revises: r0028
"""

from alembic import op

from core.migrations import case_money, lean_postings
from core.migrations.former import former
from core.migrations.versions import r0002_ledger, r0011_cases, r0013_requests

revision = "r0029"
down_revision: str | None = "r0028"
branch_labels = None
depends_on = None


FORMER = {
    "check_entry_pairs": r0002_ledger.REFUSALS,
    "check_transfer_entered": r0002_ledger.REFUSALS,
    "account_of": r0002_ledger.POSTING,
    "transfer_told": case_money.TABLES,
    "check_charge_settled": case_money.REFUSALS,
    "post_transfer": case_money.POSTING,
    "check_case_paid": r0011_cases.PROOF,
    "check_request_posted": r0013_requests.REFUSALS,
}


def upgrade() -> None:
    for statements in (
        lean_postings.FORMER_TOLD,
        lean_postings.CHARGE_TOLD,
        lean_postings.ENTRY_TOLD,
        lean_postings.TRANSFER_TOLD,
        lean_postings.HOUSE,
        lean_postings.ENTERING,
        lean_postings.REFUSALS,
        lean_postings.POSTING,
    ):
        op.execute(statements)


def downgrade() -> None:
    op.execute(lean_postings.UNDO_TOLD)
    for function, statements in FORMER.items():
        op.execute(former(statements, function))
    op.execute(lean_postings.UNDO_TRANSFER)
