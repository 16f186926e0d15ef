"""A small ledger in which every kind of row stands, for proving that the rules fire. Never committed."""

import uuid

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.ledger import moves as ledger

ACTOR = "books"
# No row of a real ledger has this number.
ABSENT = 9_000_000_000_000_000_000

STAFF = """
INSERT INTO staff (email, name, roles) VALUES (:key || '@books.invalid', 'Books', '{viewer}') RETURNING id
"""
CUSTOMER = "INSERT INTO customer (reference, name) VALUES ('books-' || :key, :name) RETURNING id"
SELFIE = """
INSERT INTO selfie (customer_id, sha256, object_key, thumbnail_key, content_type, width, height, size_bytes,
                    cropped, warnings)
VALUES (:customer, :key, 'books', 'books', 'image/png', 1, 1, 1, false, '[]') RETURNING id
"""
GENERATION = """
INSERT INTO generation (request_key, purpose, customer_id, selfie_id, requested_by, template, prompt, model,
                        parameters, credits, state, deadline_at, max_attempts)
VALUES (:key, CASE WHEN :credits = 0 THEN 'preview' ELSE 'avatar' END, :customer, :selfie, :staff, 'books',
        'books', 'books', '{}', :credits, 'queued', now(), 1) RETURNING id
"""
END = """
UPDATE generation
SET state = :state, finished_at = now(), failure_class = 'timeout', failure_message = 'Books'
WHERE id = :generation
"""
CASE = """
INSERT INTO compensation_case (kind, cause_key, generation_id, customer_id, failure_class, requested, amount,
                               state, seq, rule, due_at, hard_limit_at, closed_at)
VALUES (:kind, :kind || ':' || :generation, :generation, :customer, 'timeout', 10,
        CASE :state WHEN 'pending' THEN NULL ELSE 10 END, :state, :seq,
        'books', now(), now(), CASE :state WHEN 'pending' THEN NULL ELSE now() END) RETURNING id
"""
LOG = """
INSERT INTO case_log (case_id, seq, from_state, to_state, actor_kind, actor, staff_id, amount)
VALUES (:case, :seq, :former, :state, :by, 'books', CASE :by WHEN 'staff' THEN :staff END, 10)
"""
APPROVAL = "INSERT INTO case_approval (case_id, round, staff_id, amount) VALUES (:case, 1, :staff, 10)"
RECEIPT = """
INSERT INTO customer_receipt (transfer_id, case_id, customer_id, sentence, amount, balance_after, entry_hash,
                              delivered_at)
SELECT e.transfer_id, :case, :customer, 'books', e.amount, e.balance_after, e.hash, now() FROM entry e
WHERE e.transfer_id = :transfer AND e.version IS NOT NULL
"""
# The moves of each kind of case, with who makes them. Limits on automatic refunds count none of these.
MOVES = {
    "failure": (("new", "pending", "policy"), ("pending", "approved", "staff")),
    "cancel": (("new", "auto_approved", "policy"),),
    "waiting": (("new", "pending", "policy"),),
}
REQUEST = """
INSERT INTO money_request (key, kind, customer_id, amount, transfer_id, reason, preview, asked_by, expires_at)
VALUES (:key, :kind, :customer, :amount, :transfer, 'books', '{}', :staff, now()) RETURNING id
"""
ANSWER = """
UPDATE money_request
SET state = 'done', answered_by = :second, answered_at = clock_timestamp(), posted_id = :posted
WHERE id = :request
"""
COVERED = """
SELECT t.id FROM transfer t CROSS JOIN ledger_seal s LEFT JOIN ledger_seal p ON p.number = s.number - 1
WHERE s.number = :seal AND (t.id <= s.restored_id OR t.xid < s.upto_xid)
  AND (p.number IS NULL OR t.id > p.last_id OR (t.id > p.restored_id AND t.xid >= p.upto_xid))
"""
PRICE = 10


class Scene:
    """The rows of the scene; `names` are those that planted faults speak of."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._staff = self._one(STAFF, key=_key())
        customer, other = self._rich("Ada", 200), self._rich("Eve", 50)
        self._selfie = self._one(SELFIE, customer=customer, key=_key())
        self.names = {
            "absent": ABSENT,
            "customer": customer,
            "other": other,
            "running": self._charged(customer),
            "done": self._delivered(customer),
            "failed": self._ended(customer, "failed"),
            "canceled": self._ended(customer, "canceled"),
            "undecided": self._ended(customer, "failed"),
            "preview": self._generation(customer, 0),
        }
        self._name_cases(customer)
        self._name_accounts(customer, other)
        self._name_requests(other)
        self._name_transfers()
        self._name_seals()

    def _name_cases(self, customer: int) -> None:
        self.names["waiting"] = self._case(customer, self.names["undecided"], "failure", "waiting")
        for name, kind, of in (("case", "failure", "failed"), ("canceled_case", "cancel", "canceled")):
            self.names[name] = self._case(customer, self.names[of], kind, kind)
            self._pay(customer, self.names[name], self.names[of])

    def _name_accounts(self, customer: int, other: int) -> None:
        rows = self._session.execute(text("SELECT kind, id FROM account WHERE customer_id IS NULL"))
        self.names |= {row.kind: row.id for row in rows}
        wallet = "SELECT id FROM account WHERE customer_id = :customer"
        self.names["wallet"] = self._one(wallet, customer=customer)
        self.names["other_wallet"] = self._one(wallet, customer=other)

    def _name_transfers(self) -> None:
        of_generation = "SELECT id FROM transfer WHERE generation_id = :generation AND kind = :kind"
        for kind, generation in (("charge", "running"), ("capture", "done"), ("refund", "failed")):
            self.names[kind] = self._one(of_generation, generation=self.names[generation], kind=kind)
        granted = "SELECT id FROM transfer WHERE kind = 'grant' AND to_account = :wallet"
        self.names["grant"] = self._one(granted, wallet=self.names["wallet"])
        mistaken = self._rich("Bo", 5)
        self.names["mistaken"] = self._one(
            "SELECT t.id FROM transfer t JOIN account a ON a.id = t.to_account"
            " WHERE a.customer_id = :customer",
            customer=mistaken,
        )
        self._charged(mistaken, 3)  # two of the five are left
        self.names["undoing"] = self._asked("reverse_grant", mistaken, 5, transfer=self.names["mistaken"])
        taken_back = ledger.reverse(
            self._session, transfer_id=self.names["mistaken"], actor=ACTOR, reason="typed wrongly"
        )
        self.names["reversal"] = taken_back.transfer_id
        self._agreed(self.names["undoing"], taken_back.transfer_id)
        self.names["clawed"] = self._one(
            "SELECT id FROM transfer WHERE key = 'clawback:' || :grant", grant=self.names["mistaken"]
        )

    def _name_requests(self, customer: int) -> None:
        """A large grant that two people made; what they took back was named with its transfers."""
        asked = self._asked("grant", customer, 500)
        granted = ledger.grant(
            self._session,
            customer_id=customer,
            amount=500,
            reason="books",
            key=f"request:{asked}",
            actor=ACTOR,
        )
        self._agreed(asked, granted.transfer_id)
        self.names |= {"asked": asked, "asked_grant": granted.transfer_id}

    def _asked(self, kind: str, customer: int, amount: int, *, transfer: int | None = None) -> int:
        values = {"kind": kind, "customer": customer, "amount": amount, "transfer": transfer}
        return self._one(REQUEST, key=_key(), staff=self._staff, **values)

    def _agreed(self, request: int, posted: int) -> None:
        values = {"request": request, "posted": posted, "second": self._one(STAFF, key=_key())}
        self._session.execute(text(ANSWER), values)

    def _name_seals(self) -> None:
        """The newest seal and one transfer in it, where there is one: the scene itself is not sealed yet."""
        newest = self._session.scalar(text("SELECT max(number) FROM ledger_seal WHERE transfers > 0"))
        if newest is not None:
            self.names |= {"seal": newest, "sealed": max(covered_by(self._session, newest))}
        anchored = self._session.scalar(text("SELECT max(seal) FROM seal_anchor"))
        if anchored is not None:
            self.names["anchored"] = anchored

    def _rich(self, name: str, held: int) -> int:
        customer = self._one(CUSTOMER, key=_key(), name=name)
        ledger.grant(
            self._session, customer_id=customer, amount=held, reason="books", key=_key(), actor=ACTOR
        )
        return customer

    def _generation(self, customer: int, price: int) -> int:
        return self._one(
            GENERATION, key=_key(), customer=customer, selfie=self._selfie, staff=self._staff, credits=price
        )

    def _charged(self, customer: int, price: int = PRICE) -> int:
        number = self._generation(customer, price)
        ledger.charge(self._session, generation_id=number, customer_id=customer, amount=price, actor=ACTOR)
        return number

    def _delivered(self, customer: int) -> int:
        number = self._charged(customer)
        self._session.execute(text(END), {"generation": number, "state": "succeeded"})
        ledger.capture(self._session, generation_id=number, actor=ACTOR)
        return number

    def _ended(self, customer: int, state: str) -> int:
        number = self._charged(customer)
        self._session.execute(text(END), {"generation": number, "state": state})
        return number

    def _case(self, customer: int, generation: int, kind: str, moves: str) -> int:
        made = MOVES[moves]
        values = {"kind": kind, "generation": generation, "customer": customer}
        case = self._one(CASE, **values, state=made[-1][1], seq=len(made))
        for seq, (former, state, by) in enumerate(made, 1):
            line = {"case": case, "seq": seq, "former": former, "state": state, "by": by}
            self._session.execute(text(LOG), line | {"staff": self._staff})
            if by == "staff":
                self._session.execute(text(APPROVAL), {"case": case, "staff": self._staff})
        return case

    def _pay(self, customer: int, case: int, generation: int) -> None:
        posted = ledger.refund(
            self._session, case_id=case, generation_id=generation, amount=PRICE, actor=ACTOR, reason="books"
        )
        told = {"case": case, "customer": customer, "transfer": posted.transfer_id}
        self._session.execute(text(RECEIPT), told)

    def _one(self, sql: str, **values: object) -> int:
        return int(self._session.execute(text(sql), values).scalar_one())


def covered_by(session: Session, seal: int) -> list[int]:
    """The transfers that a seal covers, where it is the newest one with any."""
    return list(session.scalars(text(COVERED), {"seal": seal}))


def _key() -> str:
    return uuid.uuid4().hex
