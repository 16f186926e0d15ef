"""What should become of cases and credits, in plain Python: no database, none of the product's code.

One function a move. Each answers whether the move is allowed, and does it if so.
"""

import dataclasses

# What the rules in force say of a class of failure.
OUTCOMES = {"timeout": "auto", "content_policy": "review", "invalid_image": "deny", "unknown": "review"}
SEES_AUTO = 4  # the fifth refund within 30 days is looked at by a person
SECOND_OVER = 30
SMALL = 8
DAY = (3, 40)  # automatic refunds of one customer, and their credits
MONTH = (4, 60)
HOUR = (5, 70)  # of all; the breaker's floor is the same number of refunds

# Who may do what beyond deciding: be the second person, take back.
SENIOR = {"Amir", "Ada"}
STAFF = {"Sue": "support", "Tom": "support", "Amir": "approver", "Ada": "admin"}
OPEN = {"pending", "needs_second", "expired"}
PAID = {"approved", "auto_approved"}


@dataclasses.dataclass
class Job:
    """A charged generation: where its credits are."""

    customer: int
    price: int
    end: str | None = None
    captured: int = 0
    refunded: int = 0
    goodwill: int = 0

    @property
    def flying(self) -> int:
        return self.price - self.captured - self.refunded


@dataclasses.dataclass
class Case:
    """A case, as far as money and people are concerned."""

    kind: str
    job: Job
    requested: int
    required: int = 1
    state: str = "new"
    seq: int = 0
    amount: int | None = None
    decided_by: str | None = None
    holder: str | None = None
    consents: dict[str, int] = dataclasses.field(default_factory=dict)
    due: bool = False
    over: bool = False


@dataclasses.dataclass
class Intent:
    """A decision that waits."""

    who: str
    decision: str
    amount: int
    seq: int
    refused: bool = False


class Model:
    """Two wallets, the house's accounts, and every case."""

    def __init__(self) -> None:
        self.held = [0, 0]
        self.issued = self.given = self.owed = 0
        self.jobs: list[Job] = []
        self.cases: list[Case] = []
        self.intents: dict[int, Intent] = {}
        self.used: dict[str, tuple[int, int]] = {}
        self.paid_by: dict[tuple[str, int], int] = {}

    # Credits

    def grant(self, customer: int, amount: int) -> None:
        self.held[customer] += amount
        self.issued -= amount

    def charge(self, customer: int, price: int) -> bool:
        if self.held[customer] < price:
            return False
        self.held[customer] -= price
        self.jobs.append(Job(customer, price))
        return True

    def succeed(self, job: Job) -> None:
        job.end, job.captured = "succeeded", job.price

    def fail(self, job: Job, failure_class: str) -> Case:
        job.end = "failed"
        case = self._new("failure", job, job.price)
        outcome = OUTCOMES[failure_class]
        if outcome == "auto" and self._refunds(job.customer) > SEES_AUTO:
            outcome = "review"
        if outcome == "auto" and not self._within_limits(job.customer, job.price):
            outcome = "review"
        if outcome == "auto":
            self._pay(case, job.price, "auto_approved")
        elif outcome == "deny":
            self._step(case, "denied")
            job.captured += job.price
        else:
            self._step(case, "pending")
        return case

    def cancel(self, job: Job) -> Case:
        job.end = "canceled"
        case = self._new("cancel", job, job.price)
        self._pay(case, job.price, "auto_approved")
        return case

    def goodwill(self, job: Job, amount: int) -> Case | None:
        """None when it is refused."""
        waiting = any(case.job is job and case.state in OPEN for case in self.cases)
        left = job.price - job.refunded - job.goodwill
        if job.end != "succeeded" or waiting or not 1 <= amount <= left:
            return None
        case = self._new("goodwill", job, amount)
        self._step(case, "pending")
        return case

    # Decisions

    def may_decide(self, case: Case, who: str, seq: int, amount: int) -> bool:
        return (
            seq == case.seq
            and case.state in OPEN
            and case.holder in (None, who)
            and 1 <= amount <= case.requested
            and (case.state != "needs_second" or (who in SENIOR and who not in case.consents))
        )

    def approve(self, case: Case, who: str, seq: int, amount: int) -> bool:
        if not self.may_decide(case, who, seq, amount) or who in case.consents:
            return False
        before = self.paid_by.get((who, case.job.customer), 0)
        needed = 2 if before + amount > SECOND_OVER else case.required
        if len(case.consents) + 1 < needed:
            case.required = needed
            case.consents[who] = amount
            self._step(case, "needs_second")
            return True
        lower = min([amount, *case.consents.values()])
        if case.kind == "goodwill" and lower > case.job.price - case.job.refunded - case.job.goodwill:
            return False
        case.required = needed
        case.consents[who] = amount
        self._pay(case, lower, "approved")
        self.paid_by[who, case.job.customer] = before + lower
        case.decided_by = who
        return True

    def second(self, case: Case, who: str, seq: int, amount: int) -> bool:
        if case.state == "needs_second" or not self.may_decide(case, who, seq, amount):
            return False
        case.required = 2
        case.consents[who] = amount
        self._step(case, "needs_second")
        return True

    def deny(self, case: Case, who: str, seq: int) -> bool:
        if not self.may_decide(case, who, seq, case.requested):
            return False
        self._step(case, "denied")
        self._keep(case, case.requested)
        case.decided_by = who
        return True

    def send_back(self, case: Case, who: str, seq: int) -> bool:
        fits = case.state == "needs_second" and seq == case.seq and case.holder in (None, who)
        if not fits or who not in SENIOR:
            return False
        self._round(case, "pending")
        return True

    def appeal(self, case: Case, who: str, seq: int) -> bool:
        waiting = any(other.job is case.job and other.state in OPEN for other in self.cases)
        if case.state != "denied" or seq != case.seq or case.decided_by == who or waiting:
            return False
        self._round(case, "pending")
        case.due = case.over = False
        if case.kind != "goodwill":
            case.job.captured -= case.requested
        return True

    def reverse(self, case: Case, who: str, seq: int, asked_by: str | None) -> bool:
        two = who in SENIOR and asked_by not in (None, who)
        if case.state not in PAID or seq != case.seq or not (case.decided_by == who or two):
            return False
        paid = case.amount or 0
        missing = max(0, paid - self.held[case.job.customer])
        self.owed -= missing
        self.held[case.job.customer] -= paid - missing
        if case.kind == "goodwill":
            case.job.goodwill -= paid
            self.given += paid
        else:
            case.job.refunded -= paid
            case.job.captured += paid
        self._step(case, "reversed")
        return True

    def withdraw(self, job: Job) -> bool:
        for case in self.cases:
            if case.job is job and case.kind != "goodwill" and case.state in OPEN:
                self._step(case, "withdrawn")
                self._keep(case, case.requested)
                job.end = "succeeded"
                return True
        return False

    def claim(self, case: Case, who: str) -> bool:
        if case.state not in OPEN or case.holder not in (None, who):
            return False
        case.holder = who
        return True

    # Time

    def lapse(self) -> int:
        moved = 0
        for case in self.cases:
            silent = case.state == "pending" and case.kind == "failure" and case.due and not case.over
            small = case.required == 1 and case.requested <= SMALL
            if silent and small and self._within_limits(case.job.customer, case.requested):
                self._pay(case, case.requested, "auto_approved")
                moved += 1
        for case in self.cases:
            if case.state in ("pending", "needs_second") and case.over:
                self._round(case, "expired")
                moved += 1
        return moved

    # Decisions that wait

    def intend(self, number: int, who: str, seq: int, decision: str, amount: int) -> bool:
        waits = self.intents.get(number)
        if not self.may_decide(self.cases[number], who, seq, amount):
            return False
        if waits and not waits.refused:
            return waits.who == who
        self.intents[number] = Intent(who, decision, amount, seq)
        return True

    def undo(self, number: int, who: str) -> bool:
        if number not in self.intents or self.intents[number].who != who:
            return False
        del self.intents[number]
        return True

    def carry_out(self) -> int:
        done = 0
        for number, waits in list(self.intents.items()):
            if waits.refused:
                continue
            case, given = self.cases[number], (waits.who, waits.seq)
            carried = (
                self.deny(case, *given)
                if waits.decision == "deny"
                else (self.approve if waits.decision == "approve" else self.second)(
                    case, *given, waits.amount
                )
            )
            if carried:
                del self.intents[number]
                done += 1
            else:
                waits.refused = True
        return done

    # What both have in common

    def totals(self) -> dict[str, int]:
        return {
            "issued": self.issued,
            "wallet": sum(self.held),
            "in_flight": sum(job.flying for job in self.jobs),
            "revenue": sum(job.captured for job in self.jobs),
            "goodwill": self.given,
            "clawback": self.owed,
        }

    def _new(self, kind: str, job: Job, requested: int) -> Case:
        case = Case(kind, job, requested, required=2 if requested > SECOND_OVER else 1)
        self.cases.append(case)
        return case

    def _step(self, case: Case, to: str) -> None:
        case.state, case.seq, case.holder = to, case.seq + 1, None

    def _round(self, case: Case, to: str) -> None:
        case.consents = {}
        self._step(case, to)

    def _pay(self, case: Case, amount: int, to: str) -> None:
        case.amount = amount
        self.held[case.job.customer] += amount
        if case.kind == "goodwill":
            case.job.goodwill += amount
            self.given -= amount
        else:
            case.job.refunded += amount
            self._keep(case, case.requested - amount)
        self._step(case, to)

    def _keep(self, case: Case, amount: int) -> None:
        if case.kind != "goodwill":
            case.job.captured += amount

    def _refunds(self, customer: int) -> int:
        return sum(
            case.job.customer == customer and case.state in PAID and case.kind != "cancel"
            for case in self.cases
        )

    def _within_limits(self, customer: int, amount: int) -> bool:
        caps = {f"{customer} day": DAY, f"{customer} month": MONTH, "hour": HOUR}
        now = {scope: self.used.get(scope, (0, 0)) for scope in caps}
        for scope, (refunds, credits_) in caps.items():
            if now[scope][0] + 1 > refunds or now[scope][1] + amount > credits_:
                return False
        self.used |= {scope: (times + 1, sum_ + amount) for scope, (times, sum_) in now.items()}
        return True
