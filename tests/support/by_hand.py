"""Transfers as somebody would write them past the ledger's own function."""

# ruff: noqa: S608 - put together from what tests say


def transfer(
    kind: str,
    *,
    generation: str = "NULL",
    reverses: str = "NULL",
    case: str = "NULL",
    legs: str = "(1, -5), (2, 5)",
    of: str = "",
) -> str:
    """The statement that writes one of 5 credits from account 1 to 2, with these legs.

    What it names may come from a row `of` another table.
    """
    header = f"""
        INSERT INTO transfer (key, kind, from_account, to_account, amount, generation_id, reverses_id,
                              case_id, actor, reason)
        SELECT 'by hand', '{kind}', 1, 2, 5, {generation}, {reverses}, {case}, 'Sam', 'r' {of}"""
    if not legs:
        return header
    return f"""
        WITH made AS ({header} RETURNING id)
        INSERT INTO entry (transfer_id, account_id, amount)
        SELECT made.id, legs.* FROM made, (VALUES {legs}) AS legs"""


def leg(transfer_id: str, account: int, amount: int) -> str:
    """The statement that writes one entry."""
    return f"INSERT INTO entry (transfer_id, account_id, amount) SELECT {transfer_id}, {account}, {amount}"
