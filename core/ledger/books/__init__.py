"""The invariants of the ledger. A healthy ledger has no finding.

They are checked against what the tables hold, not against what our own code meant to write: rows that
somebody edited past the triggers are found too.
"""

from core.ledger.books.check import RULES, check_books
from core.ledger.books.rules import Rule
from core.ledger.findings import Finding

__all__ = ["RULES", "Finding", "Rule", "check_books"]
