"""The faults that prove the rules of the books: injected past the triggers, as a superuser could.

The names in braces are those of the scene."""

COPY_TRANSFER = """
INSERT INTO transfer (key, kind, from_account, to_account, amount, generation_id, reverses_id, case_id,
                      actor, reason)
SELECT key || '-again', {kind}, from_account, to_account, amount, generation_id, reverses_id, case_id,
       actor, coalesce(reason, 'r') FROM transfer WHERE id = {which}"""

# A second request that took the same grant back, or that did the very same.
COPY_REQUEST = """
INSERT INTO money_request (key, kind, customer_id, amount, transfer_id, reason, preview, asked_by, expires_at,
                           state, answered_by, answered_at, posted_id)
SELECT key || '-again', kind, customer_id, amount, transfer_id, reason, preview, asked_by, expires_at,
       state, answered_by, answered_at, {refund} FROM money_request WHERE id = {undoing}"""


def _copied(which: str, kind: str = "kind") -> str:
    return COPY_TRANSFER.replace("{kind}", kind).replace("{which}", which)


DOUBLE_ENTRY = {
    "unbalanced_transfer": [
        "DELETE FROM entry WHERE transfer_id = {charge} AND account_id = {in_flight}",
        "UPDATE entry SET amount = amount + 1 WHERE transfer_id = {charge} AND account_id = {in_flight}",
        "UPDATE entry SET account_id = {revenue} WHERE transfer_id = {charge} AND account_id = {in_flight}",
        "UPDATE transfer SET amount = amount + 1 WHERE id = {charge}",
        "DELETE FROM entry WHERE transfer_id = {charge}",
        "INSERT INTO entry (transfer_id, account_id, amount) VALUES ({charge}, {revenue}, 5)",
    ],
    "stray_entry": [
        "INSERT INTO entry (transfer_id, account_id, amount) VALUES ({absent}, {issued}, 5)",
        "UPDATE entry SET account_id = {absent} WHERE transfer_id = {capture} AND account_id = {revenue}",
    ],
    "unnumbered_entry": [
        "UPDATE entry SET version = NULL, balance_after = NULL, hash = NULL WHERE account_id = {wallet}",
        """UPDATE entry SET (version, balance_after, hash) = (1, 0, '')
           WHERE transfer_id = {capture} AND account_id = {revenue}""",
    ],
    "not_conserved": ["INSERT INTO entry (transfer_id, account_id, amount) VALUES ({absent}, {issued}, 5)"],
    "wrong_accounts": [
        "UPDATE transfer SET to_account = {clawback} WHERE id = {capture}",
        "UPDATE transfer SET to_account = {absent} WHERE id = {capture}",
        "UPDATE transfer SET from_account = {goodwill} WHERE id = {clawed}",
    ],
    "reversal_no_mirror": [
        "UPDATE transfer SET amount = amount + 1 WHERE id = {reversal}",
        "UPDATE transfer SET to_account = {revenue} WHERE id = {reversal}",
        "UPDATE transfer SET reverses_id = {absent} WHERE id = {reversal}",
        "DROP INDEX transfer_reversed_once;" + _copied("{reversal}"),
    ],
}

WALLETS = {
    "wallet_without_balance": [
        "DELETE FROM wallet_balance WHERE account_id = {wallet}",
        "INSERT INTO wallet_balance (account_id) VALUES ({revenue})",
        "INSERT INTO wallet_balance (account_id) VALUES ({absent})",
    ],
    "balance_drift": [
        "UPDATE wallet_balance SET balance = balance + 1 WHERE account_id = {wallet}",
        "DELETE FROM entry WHERE account_id = {wallet}",
    ],
    "broken_run": [
        "UPDATE entry SET balance_after = balance_after + 1 WHERE account_id = {wallet} AND version = 2",
        "UPDATE entry SET amount = amount - 1 WHERE account_id = {wallet} AND version = 2",
        "UPDATE entry SET version = 99 WHERE account_id = {wallet} AND version = 2",
        "DELETE FROM entry WHERE account_id = {wallet} AND version = 1",
    ],
    "broken_chain": [
        "UPDATE transfer SET reason = 'another' WHERE id = {grant}",
        "UPDATE transfer SET actor = 'nobody' WHERE id = {charge}",
        "UPDATE transfer SET created_at = created_at - interval '1 microsecond' WHERE id = {refund}",
        "UPDATE transfer SET key = 'another' WHERE id = {charge}",
        "UPDATE entry SET hash = 'forged' WHERE account_id = {wallet} AND version = 2",
        "DELETE FROM entry WHERE account_id = {wallet} AND version = 1",
    ],
    "negative_history": [
        "UPDATE entry SET balance_after = -1 WHERE account_id = {wallet} AND version = 2",
        """ALTER TABLE wallet_balance DROP CONSTRAINT wallet_balance_not_negative;
           UPDATE wallet_balance SET balance = -1 WHERE account_id = {wallet}""",
    ],
    "wrong_head": [
        "UPDATE wallet_balance SET version = version + 1 WHERE account_id = {wallet}",
        "UPDATE wallet_balance SET head_hash = 'forged' WHERE account_id = {wallet}",
        """DELETE FROM entry USING wallet_balance w
           WHERE entry.account_id = {wallet} AND w.account_id = {wallet} AND entry.version = w.version""",
    ],
}

CHARGES = {
    "charge_counter": [
        "UPDATE charge SET refunded = 0 WHERE generation_id = {failed}",
        "UPDATE charge SET captured = 0 WHERE generation_id = {done}",
        "UPDATE charge SET refunded = 1 WHERE generation_id = {running}",
        "UPDATE charge SET goodwill = 1 WHERE generation_id = {done}",
        "UPDATE charge SET amount = amount + 1 WHERE generation_id = {running}",
        "DELETE FROM transfer WHERE id = {capture}",
        "DELETE FROM charge WHERE generation_id = {running}",
    ],
    "settled_twice": [
        "UPDATE transfer SET amount = amount + 1 WHERE id = {refund}",
        _copied("{capture}"),
        _copied("{refund}"),
        _copied("{charge}"),
    ],
    "another_wallet": [
        "UPDATE transfer SET to_account = {other_wallet} WHERE id = {refund}",
        "UPDATE charge SET customer_id = {other} WHERE generation_id = {running}",
    ],
    "uncharged_generation": [
        "DELETE FROM charge WHERE generation_id = {running}",
        "UPDATE generation SET credits = credits + 1 WHERE id = {running}",
        "UPDATE charge SET customer_id = {other} WHERE generation_id = {running}",
        "INSERT INTO charge (generation_id, customer_id, amount) VALUES ({preview}, {customer}, 10)",
        "INSERT INTO charge (generation_id, customer_id, amount) VALUES ({absent}, {customer}, 10)",
    ],
    "in_flight_at_rest": [
        "UPDATE generation SET state = 'canceled', finished_at = now() WHERE id = {running}",
        "UPDATE generation SET state = 'succeeded', finished_at = now() WHERE id = {running}",
        """UPDATE generation SET state = 'failed', finished_at = now(), failure_class = 'timeout',
           failure_message = 'Late' WHERE id = {running}""",
        "UPDATE compensation_case SET state = 'withdrawn', closed_at = now() WHERE id = {waiting}",
    ],
    "settled_early": [
        "UPDATE generation SET state = 'storing', finished_at = NULL WHERE id = {done}",
        "UPDATE generation SET state = 'queued', finished_at = NULL WHERE id = {failed}",
        "UPDATE compensation_case SET state = 'expired', closed_at = NULL, amount = NULL WHERE id = {case}",
    ],
    "succeeded_not_captured": [
        "UPDATE generation SET state = 'succeeded', finished_at = now() WHERE id IN ({running}, {failed})",
    ],
    "failed_not_refunded": [
        "UPDATE generation SET state = 'canceled', finished_at = now() WHERE id = {running}",
        """UPDATE generation SET state = 'failed', failure_class = 'timeout', failure_message = 'Late'
           WHERE id = {done}""",
        "UPDATE compensation_case SET state = 'denied', amount = NULL WHERE id = {case}",
    ],
}

CASES = {
    "case_missing": [
        "UPDATE compensation_case SET kind = 'goodwill', failure_class = NULL WHERE id = {case}",
        "DELETE FROM compensation_case WHERE id = {waiting}",
    ],
    "refund_without_case": [
        """ALTER TABLE transfer DROP CONSTRAINT transfer_told;
           UPDATE transfer SET case_id = NULL WHERE id = {refund}""",
    ],
    "case_unpaid": [
        "UPDATE compensation_case SET amount = 9 WHERE id = {case}",
        "UPDATE compensation_case SET state = 'reversed' WHERE id = {case}",
        "UPDATE compensation_case SET state = 'denied', amount = NULL WHERE id = {case}",
        "UPDATE compensation_case SET state = 'approved', amount = 9, closed_at = now() WHERE id = {waiting}",
        "DELETE FROM transfer WHERE id = {refund}",
        "UPDATE transfer SET kind = 'goodwill' WHERE id = {refund}",
        _copied("{refund}"),
    ],
    "case_unlogged": [
        "UPDATE compensation_case SET state = 'expired' WHERE id = {waiting}",
        "UPDATE compensation_case SET seq = seq + 1 WHERE id = {case}",
        "DELETE FROM case_log WHERE case_id = {case} AND seq = 1",
        "DELETE FROM case_log WHERE case_id = {case}",
        "UPDATE case_log SET actor_kind = 'clock', staff_id = NULL WHERE case_id = {case} AND seq = 2",
        "UPDATE case_log SET from_state = 'expired' WHERE case_id = {case} AND seq = 2",
    ],
    "case_of_another": [
        "UPDATE transfer SET case_id = {waiting} WHERE id = {refund}",
        "UPDATE transfer SET case_id = {case} WHERE id = {capture}",
        "UPDATE transfer SET case_id = {case} WHERE id = {charge}",
        "UPDATE transfer SET key = 'refund:case:{waiting}' WHERE id = {refund}",
        "UPDATE compensation_case SET customer_id = {other} WHERE id = {case}",
    ],
    "case_one_person": [
        "DELETE FROM case_approval WHERE case_id = {case}",
        "UPDATE compensation_case SET required_approvals = 2 WHERE id = {case}",
        "UPDATE case_approval SET amount = 9 WHERE case_id = {case}",
        """INSERT INTO refund_policy (body, note) VALUES ('{{"second_over": 9}}', 'drill');
           UPDATE compensation_case SET policy_version = (SELECT max(version) FROM refund_policy)
           WHERE id = {case}""",
    ],
    "case_over_limit": [
        """INSERT INTO refund_budget (scope, window_start, used, refunds, credit_cap, refund_cap)
           VALUES ('global:hour', now() + interval '1 year', 5, 1, 10, 10)""",
        """UPDATE case_log SET to_state = 'auto_approved', actor_kind = 'policy', staff_id = NULL
           WHERE case_id = {case} AND seq = 2""",
    ],
    "receipt_untrue": [
        "UPDATE customer_receipt SET balance_after = balance_after + 1 WHERE transfer_id = {refund}",
        "UPDATE customer_receipt SET amount = amount + 1 WHERE transfer_id = {refund}",
        "UPDATE customer_receipt SET entry_hash = 'forged' WHERE transfer_id = {refund}",
        "UPDATE customer_receipt SET customer_id = {other} WHERE transfer_id = {refund}",
        "UPDATE customer_receipt SET transfer_id = {capture} WHERE transfer_id = {refund}",
        "DELETE FROM customer_receipt WHERE transfer_id = {refund}",
    ],
    "clawback_alone": [
        "UPDATE transfer SET amount = amount + 100 WHERE id = {clawed}",
        "UPDATE transfer SET key = 'clawback:0' WHERE id = {clawed}",
        "UPDATE transfer SET to_account = {wallet} WHERE id = {clawed}",
        "DELETE FROM transfer WHERE id = {reversal}",
    ],
}

REQUESTS = {
    "request_one_person": [
        """ALTER TABLE money_request DROP CONSTRAINT money_request_two_people;
           UPDATE money_request SET answered_by = asked_by WHERE id = {asked}""",
        """ALTER TABLE money_request DROP CONSTRAINT money_request_answered_whom;
           UPDATE money_request SET answered_by = NULL WHERE id = {undoing}""",
    ],
    "request_otherwise": [
        "UPDATE money_request SET amount = amount + 1 WHERE id = {asked}",
        "UPDATE money_request SET amount = amount - 1 WHERE id = {undoing}",
        "UPDATE money_request SET customer_id = {customer} WHERE id = {asked}",
        "UPDATE money_request SET posted_id = {grant} WHERE id = {asked}",
        "UPDATE money_request SET transfer_id = {grant} WHERE id = {undoing}",
        "UPDATE money_request SET posted_id = {absent} WHERE id = {asked}",
        """ALTER TABLE money_request DROP CONSTRAINT money_request_posted;
           UPDATE money_request SET state = 'refused' WHERE id = {asked}""",
        """ALTER TABLE money_request DROP CONSTRAINT money_request_posted;
           UPDATE money_request SET posted_id = NULL WHERE id = {asked}""",
    ],
    "request_twice": [
        _copied("{asked_grant}"),
        COPY_REQUEST,
        """ALTER TABLE money_request DROP CONSTRAINT money_request_posted_id_key;"""
        + COPY_REQUEST.replace("{refund}", "posted_id"),
    ],
    "request_missing": [
        "DELETE FROM money_request WHERE id = {asked}",
        "DELETE FROM money_request WHERE id = {undoing}",
        "UPDATE transfer SET key = 'grant:request:0' WHERE id = {grant}",
        "UPDATE money_request SET posted_id = {refund} WHERE id = {undoing}",
    ],
}

# These need a seal to be there.
SEALING = {
    "sealed_rows": [
        "UPDATE transfer SET reason = 'another' WHERE id = {sealed}",
        "UPDATE transfer SET created_at = created_at - interval '1 microsecond' WHERE id = {sealed}",
        "UPDATE entry SET amount = amount * 2 WHERE transfer_id = {sealed}",
        "DELETE FROM entry WHERE transfer_id = {sealed}",
        "DELETE FROM transfer WHERE id = {sealed}",
    ],
    "seal_chain": [
        "UPDATE ledger_seal SET rows_hash = 'forged' WHERE number = {seal}",
        "UPDATE ledger_seal SET hash = 'forged' WHERE number = {seal}",
        "UPDATE ledger_seal SET previous_hash = 'forged' WHERE number = {seal}",
        "UPDATE ledger_seal SET transfers = transfers + 1 WHERE number = {seal}",
        "UPDATE ledger_seal SET sealed_at = sealed_at - interval '1 second' WHERE number = {seal}",
        "UPDATE account_snapshot SET balance = balance + 1 WHERE seal = {seal} AND account_id = {revenue}",
        "UPDATE ledger_epoch SET home = 'elsewhere'",
    ],
    "snapshot_drift": [
        "UPDATE account_snapshot SET balance = balance + 1 WHERE seal = {seal} AND account_id = {revenue}",
        "DELETE FROM account_snapshot WHERE seal = {seal} AND account_id = {issued}",
    ],
    "new_epoch": [
        "INSERT INTO ledger_epoch (number, home, restored_id) VALUES ({absent}, 'elsewhere', 0)",
    ],
}

# And these a copy of a seal in the object store.
ANCHORS = {
    "anchor_mismatch": ["UPDATE ledger_seal SET rows_hash = 'forged' WHERE number = {anchored}"],
    "anchor_missing": [
        """INSERT INTO ledger_epoch (number, home, restored_id) VALUES ({absent}, 'elsewhere', 0);
           UPDATE ledger_seal SET epoch = {absent} WHERE number = {anchored}""",
    ],
}

FAULTS = DOUBLE_ENTRY | WALLETS | CHARGES | CASES | REQUESTS | SEALING | ANCHORS
