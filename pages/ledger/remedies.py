"""What to do about each finding of the books, for whoever reads it at night."""

STOP = "Keep the database's logs and a backup of this moment before anything is mended."
# Edited rows cannot be told from broken ones by looking; both begin with the same steps.
EDITED = (
    "Somebody or something changed rows past the triggers. Compare the row with last night's backup, "
    f"find out who had superuser access, and post corrections as reversals and grants. {STOP}"
)
MISCOUNTED = (
    "Open it by the search below and compare its transfers with its case. Where credits are missing, grant "
    f"them with this finding as the reason. {STOP}"
)
PAID = (
    "Open the case on Refunds and its generation's trace here: its log, its payment and the ledger must tell "
    f"one story. What was paid wrongly is taken back by two people, what is missing is granted. {STOP}"
)
TWO_PEOPLE = (
    "Ask both people whom the request names what they agreed to, and compare it with its transfer. What was "
    f"done alone or twice is taken back by two people. {STOP}"
)
ENGINE = (
    "Open the generation: if it has not ended, its workers are stuck or were killed; look at Health. It "
    "settles by itself when a worker finishes it."
)

REMEDIES = {
    "unbalanced_transfer": EDITED,
    "stray_entry": EDITED,
    "unnumbered_entry": EDITED,
    "not_conserved": EDITED,
    "wrong_accounts": EDITED,
    "reversal_no_mirror": EDITED,
    "wallet_without_balance": EDITED,
    "balance_drift": MISCOUNTED,
    "broken_run": EDITED,
    "broken_chain": EDITED,
    "negative_history": MISCOUNTED,
    "wrong_head": EDITED,
    "charge_counter": MISCOUNTED,
    "settled_twice": MISCOUNTED,
    "another_wallet": MISCOUNTED,
    "uncharged_generation": MISCOUNTED,
    "in_flight_at_rest": ENGINE,
    "settled_early": MISCOUNTED,
    "succeeded_not_captured": MISCOUNTED,
    "failed_not_refunded": MISCOUNTED,
    "case_missing": MISCOUNTED,
    "refund_without_case": PAID,
    "case_unpaid": PAID,
    "case_unlogged": EDITED,
    "case_of_another": PAID,
    "case_one_person": "Ask both people whose names the case's log has what happened. " + PAID,
    "case_over_limit": (
        "More was refunded automatically than the limits allow. Lower them on the Refund policy page or "
        "set the rules to review until it is understood. "
    )
    + STOP,
    "receipt_untrue": (
        "The customer was told something else than the ledger says. Tell them the right figures, then look "
        "for who changed the receipt. "
    )
    + STOP,
    "clawback_alone": PAID,
    "request_one_person": TWO_PEOPLE,
    "request_otherwise": TWO_PEOPLE,
    "request_twice": TWO_PEOPLE,
    "request_missing": TWO_PEOPLE,
    "sealed_rows": EDITED,
    "seal_chain": EDITED,
    "snapshot_drift": EDITED,
    "new_epoch": (
        "The ledger runs on another cluster than it was sealed in, as after a restored backup. If you "
        "restored it, say so below; if nobody did, treat it as an intrusion."
    ),
    "anchor_missing": (
        "A copy of a seal is gone from the object store. Look into its access log and its retention rules; "
        "the seals in the database are still checked."
    ),
    "anchor_mismatch": (
        "The copy outside says something else than the database: one of both was rewritten. " + STOP
    ),
}


def remedy(rule: str) -> str:
    """What to do; a rule that is not known here asks for the same care."""
    return REMEDIES.get(rule, EDITED)
