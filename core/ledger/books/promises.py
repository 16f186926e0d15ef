"""What the books promise, a sentence for each rule that a finding may name."""

from core.ledger.anchors import MISMATCH, MISSING
from core.ledger.books.check import RULES

ANCHOR_PROMISES = {
    MISSING: "Every copy of a seal is still in the object store.",
    MISMATCH: "Every copy of a seal says what the database says.",
}
PROMISES = {rule.name: rule.promise for rule in RULES} | ANCHOR_PROMISES
