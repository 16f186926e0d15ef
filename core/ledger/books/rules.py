"""What a rule of the books is: a promise, and the query that selects whatever breaks it."""

import dataclasses
import re

# Where a query only needs to look at part of the ledger it says so: `[transfers: t.id]` holds for every row
# in a full check, and in a recent one for those in scope.
MARKER = re.compile(r"\[(transfers|wallets|generations): ([\w.]+)\]")


@dataclasses.dataclass(frozen=True)
class Rule:
    """A promise, and the query that selects (subject, detail) of whatever breaks it.

    Rules that share one query share one pass over the table; it selects the name of the broken `rule` too.
    """

    name: str
    promise: str
    sql: str


def in_scope(sql: str, *, recent: bool) -> str:
    """The statement with its marks replaced."""
    return MARKER.sub(r"\2 = ANY (CAST(:\1 AS bigint[]))" if recent else "true", sql)
