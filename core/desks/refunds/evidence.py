"""Everything that a reviewer needs to decide one case, in one read."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.desks.refunds.claims import LOOKING
from core.desks.refunds.evidence_records import (
    Deciding,
    EarlierCase,
    Evidence,
    First,
    History,
    Move,
    Receipt,
    Try,
    Why,
)
from core.desks.refunds.queue_filters import Incident, hour_of, is_open, of_incident
from core.foundation.database import LARGEST_ID
from core.foundation.errors import NotFound
from core.images.addresses import Picture, Shown
from core.ledger import moves as ledger
from core.ledger.views import lines_of_generation
from core.refunds.opening import HISTORY_DAYS
from core.refunds.policy import from_json
from core.refunds.replay import facts_of
from core.refunds.steps import later
from core.refunds.versions import in_force, version
from core.refunds.why_not import smallest_change
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.generation import Avatar, Generation, RenderAttempt
from core.tables.ledger import Charge
from core.tables.refund_states import STATE_TITLES, CaseKind, CaseState
from core.tables.refunds import (
    CaseApproval,
    CaseIntent,
    CaseLog,
    CaseViewer,
    CompensationCase,
    CustomerReceipt,
    PolicyDecision,
)

Case = CompensationCase
EARLIER = 6


def case_evidence(session: Session, *, actor: Actor, case_id: int) -> Evidence:
    """All about one case, as `actor` sees it. Raises NotFound."""
    case = session.get(Case, case_id, populate_existing=True) if 0 < case_id <= LARGEST_ID else None
    if case is None:
        raise NotFound(f"There is no case {case_id}.")
    now: datetime = session.scalars(select(func.now())).one()
    generation = session.get_one(Generation, case.generation_id, populate_existing=True)
    customer = session.get_one(Customer, case.customer_id, populate_existing=True)
    erased = customer.erased_at is not None
    avatar = session.get(Avatar, case.generation_id)
    incident = Incident(case.fingerprint, hour_of(case.opened_at)) if case.fingerprint else None
    held = case.claimed_by is not None and case.claim_until is not None and case.claim_until > now
    return Evidence(
        id=case.id,
        seq=case.seq,
        state=CaseState(case.state),
        kind=CaseKind(case.kind),
        generation_id=case.generation_id,
        customer_id=case.customer_id,
        customer=customer.name,
        reference=customer.reference,
        failure_class=case.failure_class,
        requested=case.requested,
        amount=case.amount,
        required_approvals=case.required_approvals,
        opened_at=case.opened_at,
        due_at=case.due_at,
        closed_at=case.closed_at,
        decided_by=case.decided_by,
        decider=_name(session, case.decided_by),
        now=now,
        prompt=generation.prompt,
        model=generation.model,
        failure_message=generation.failure_message,
        failure_detail=generation.failure_detail,
        selfie=None if erased else Shown(Picture.SELFIE, generation.selfie_id),
        avatar=None if erased or avatar is None else Shown(Picture.AVATAR, generation.id),
        erased=erased,
        tries=_tries(session, case.generation_id),
        lines=lines_of_generation(session, case.generation_id),
        history=_history(session, case),
        earlier=_earlier(session, case),
        why=_why(session, case),
        log=_log(session, case),
        first=_first(session, case),
        receipts=_receipts(session, case),
        incident=incident,
        mates=_mates(session, incident),
        viewers=_viewers(session, case, actor),
        held_by=_name(session, case.claimed_by) if held else None,
        held_until=case.claim_until if held else None,
        held_by_me=held and case.claimed_by == actor.id,
        deciding=_deciding(session, case),
        one_person_left=_one_person_left(session, case, actor),
    )


def pictures_of(session: Session, case_id: int) -> list[Shown]:
    """The pictures in a case's evidence, selfie and avatar, as far as they are; none of somebody erased."""
    found = session.execute(
        select(Generation.selfie_id, Avatar.generation_id)
        .select_from(Case)
        .join(Generation, Generation.id == Case.generation_id)
        .join(Customer, Customer.id == Generation.customer_id)
        .outerjoin(Avatar, Avatar.generation_id == Generation.id)
        .where(Case.id == case_id, Customer.erased_at.is_(None))
    ).one_or_none()
    if found is None:
        return []
    selfie_id, drawn = found
    avatar = [] if drawn is None else [Shown(Picture.AVATAR, drawn)]
    return [Shown(Picture.SELFIE, selfie_id), *avatar]


def cases_of_generation(session: Session, generation_id: int) -> list[EarlierCase]:
    """The cases that one generation caused, the newest first."""
    rows = session.scalars(select(Case).where(Case.generation_id == generation_id).order_by(Case.id.desc()))
    return [_short(row) for row in rows]


def moved_since(session: Session, case_id: int, seq: int) -> str | None:
    """Who moved a case since it was on the screen, in a sentence; None when nobody did."""
    line = session.scalars(
        select(CaseLog).where(CaseLog.case_id == case_id).order_by(CaseLog.seq.desc()).limit(1)
    ).one_or_none()
    if line is None or line.seq == seq:
        return None
    what = STATE_TITLES[CaseState(line.to_state)].lower()
    return f"{line.actor} moved case {case_id} to “{what}” at {line.at:%H:%M} UTC; the screen shows it now."


def _name(session: Session, staff_id: int | None) -> str | None:
    return session.get_one(Staff, staff_id).name if staff_id is not None else None


def _tries(session: Session, generation_id: int) -> list[Try]:
    rows = session.scalars(
        select(RenderAttempt)
        .where(RenderAttempt.generation_id == generation_id)
        .order_by(RenderAttempt.number)
        .execution_options(populate_existing=True)
    )
    return [
        Try(
            number=row.number,
            status=row.status,
            submitted_at=row.submitted_at,
            took=row.ended_at - row.submitted_at if row.ended_at else None,
            failure_class=row.failure_class,
            words=row.failure_detail,
            remote_id=row.remote_id,
        )
        for row in rows
    ]


def _history(session: Session, case: CompensationCase) -> History:
    since = func.now() - later(24 * HISTORY_DAYS)
    states = session.execute(
        select(Generation.state, func.count())
        .where(
            Generation.customer_id == case.customer_id,
            Generation.created_at >= since,
            Generation.id != case.generation_id,
        )
        .group_by(Generation.state)
    )
    charged = session.scalar(
        select(func.coalesce(func.sum(Charge.amount), 0)).where(
            Charge.customer_id == case.customer_id,
            Charge.created_at >= since,
            Charge.generation_id != case.generation_id,
        )
    )
    refunds, back = session.execute(
        select(func.count(), func.coalesce(func.sum(Case.amount), 0)).where(
            Case.customer_id == case.customer_id,
            Case.opened_at >= since,
            Case.id != case.id,
            Case.state.in_((CaseState.APPROVED, CaseState.AUTO_APPROVED)),
        )
    ).one()
    return History(
        generations={state: number or 0 for state, number in states},
        charged=int(charged or 0),
        came_back=back or 0,
        refunds=refunds or 0,
        balance=ledger.balance(session, customer_id=case.customer_id),
    )


def _earlier(session: Session, case: CompensationCase) -> list[EarlierCase]:
    rows = session.scalars(
        select(Case)
        .where(Case.customer_id == case.customer_id, Case.id != case.id)
        .order_by(Case.opened_at.desc())
        .limit(EARLIER)
    )
    return [_short(row) for row in rows]


def _short(row: CompensationCase) -> EarlierCase:
    return EarlierCase(
        row.id,
        CaseState(row.state),
        CaseKind(row.kind),
        row.failure_class,
        row.amount,
        row.requested,
        row.opened_at,
    )


def _why(session: Session, case: CompensationCase) -> Why | None:
    said = session.scalars(
        select(PolicyDecision)
        .where(PolicyDecision.case_id == case.id)
        .order_by(PolicyDecision.id.desc())
        .limit(1)
    ).one_or_none()
    if said is None:
        return None
    policy = from_json(version(session, said.version).body)
    seen = facts_of(said.inputs)
    return Why(
        version=said.version,
        rule=said.rule,
        outcome=said.outcome,
        why=said.why,
        seen=seen,
        change=smallest_change(policy, seen, said.rule) if said.outcome == "review" else None,
    )


def _log(session: Session, case: CompensationCase) -> list[Move]:
    rows = session.scalars(select(CaseLog).where(CaseLog.case_id == case.id).order_by(CaseLog.seq))
    return [
        Move(row.seq, row.at, CaseState(row.to_state), row.actor, row.amount, row.reason_code, row.note)
        for row in rows
    ]


def _first(session: Session, case: CompensationCase) -> First | None:
    row = session.execute(
        select(CaseApproval, Staff.name)
        .join(Staff, Staff.id == CaseApproval.staff_id)
        .where(CaseApproval.case_id == case.id, CaseApproval.round == case.round)
        .order_by(CaseApproval.at)
        .limit(1)
    ).one_or_none()
    return First(row[0].staff_id, row[1], row[0].amount, row[0].at) if row else None


def _receipts(session: Session, case: CompensationCase) -> list[Receipt]:
    rows = session.scalars(
        select(CustomerReceipt).where(CustomerReceipt.case_id == case.id).order_by(CustomerReceipt.id)
    )
    return [
        Receipt(
            row.transfer_id, row.sentence, row.amount, row.balance_after, row.created_at, row.delivered_at
        )
        for row in rows
    ]


def _mates(session: Session, incident: Incident | None) -> int:
    """How many open cases the incident has, this one included."""
    if incident is None:
        return 1
    found = session.scalar(select(func.count()).select_from(Case).where(is_open(), of_incident(incident)))
    return int(found or 0)


def _viewers(session: Session, case: CompensationCase, actor: Actor) -> Sequence[str]:
    return session.scalars(
        select(Staff.name)
        .join(CaseViewer, CaseViewer.staff_id == Staff.id)
        .where(
            CaseViewer.case_id == case.id,
            CaseViewer.staff_id != actor.id,
            CaseViewer.seen_at > func.now() - LOOKING,
        )
        .order_by(Staff.name)
    ).all()


def _deciding(session: Session, case: CompensationCase) -> Deciding | None:
    row = session.execute(
        select(CaseIntent, Staff.name)
        .join(Staff, Staff.id == CaseIntent.staff_id)
        .where(CaseIntent.case_id == case.id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return None
    intent, name = row
    return Deciding(intent.staff_id, name, intent.decision, intent.amount, intent.commit_at, intent.refused)


def _one_person_left(session: Session, case: CompensationCase, actor: Actor) -> int:
    _, policy = in_force(session)
    before = session.scalar(
        select(func.coalesce(func.sum(CaseLog.amount), 0))
        .join(Case, Case.id == CaseLog.case_id)
        .where(
            CaseLog.staff_id == actor.id,
            CaseLog.to_state == CaseState.APPROVED,
            CaseLog.at > func.now() - timedelta(hours=24),
            Case.customer_id == case.customer_id,
        )
    )
    return max(0, policy.second_over - int(before or 0))
