"""The gate: `production` moves to a version that met every condition, or with a written reason not to ask."""

import dataclasses

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, InvalidInput
from core.promotion.conditions import Condition, blocking, judge
from core.promotion.evidence import Evidence, gather, variant_of
from core.promotion.guard import begin, supersede, title_of
from core.promotion.limits import Limits, in_force
from core.prompts.labels import PRODUCTION, checked_reason, locked_label, put_label, refuse_target
from core.prompts.library import get_version
from core.tables.experiments import ExperimentVariant
from core.tables.promotion import Promotion
from core.tables.prompts import Prompt, PromptLabel, PromptVersion
from core.votes.results import refuse_in_the_middle


@dataclasses.dataclass(frozen=True)
class Gate:
    """How a version stands before the gate. `moves` is the label's count that a promotion has to show."""

    version_id: int
    title: str
    production_id: int
    production: str
    moves: int
    evidence: Evidence
    limits: Limits
    limits_version: int
    conditions: tuple[Condition, ...]

    @property
    def blocked(self) -> list[Condition]:
        return blocking(self.conditions)


def gate(session: Session, *, actor: Actor, version_id: int, experiment_id: int | None = None) -> Gate | None:
    """How a version would stand now; None where nothing is in production, or this version is.

    Without `experiment_id` by the best evidence there is. Raises NotFound, InvalidInput where the experiment
    has not drawn the version as it is, and Conflict while this rater is in the middle of its votes.
    """
    label = session.get(PromptLabel, PRODUCTION)
    if label is None or label.version_id == version_id:
        return None
    return _judged(session, actor, label, version_id, experiment_id)


def promotable(session: Session, experiment_id: int) -> dict[int, int]:
    """The versions that an experiment drew as they are and that may be promoted, by variant."""
    variants = session.execute(
        select(ExperimentVariant.id, PromptVersion)
        .join(PromptVersion, PromptVersion.id == ExperimentVariant.version_id)
        .join(Prompt, Prompt.id == PromptVersion.prompt_id)
        .where(ExperimentVariant.experiment_id == experiment_id)
        .where(PromptVersion.archived_at.is_(None), Prompt.archived_at.is_(None))
    ).all()
    label = session.get(PromptLabel, PRODUCTION)
    found = {}
    for variant_id, version in variants:
        drawn = variant_of(session, experiment_id, version)
        if drawn is not None and drawn.id == variant_id and label and label.version_id != version.id:
            found[variant_id] = version.id
    return found


def promote(
    session: Session,
    *,
    actor: Actor,
    version_id: int,
    seen_moves: int,
    experiment_id: int | None = None,
    reason: str = "",
    override: bool = False,
    automatic: bool = True,
) -> Promotion:
    """Move `production` to a version and watch it. The conditions are judged under the label's lock and kept.

    With `override` it moves whatever they say; that needs a `reason`. `automatic`: what regresses is rolled
    back without asking. Raises NotAllowed, NotFound, InvalidInput, and Conflict where a condition is not met
    (named with figure and limit), somebody moved the label since `seen_moves`, or it cannot point there.
    """
    require(actor, Permission.MOVE_PRODUCTION)
    label = locked_label(session, PRODUCTION, seen_moves)
    if label is None:
        raise Conflict("No version is in production yet. Put the label on one first.")
    refuse_target(session, label, version_id)
    found = _judged(session, actor, label, version_id, experiment_id)
    overridden = bool(found.blocked)
    if overridden and not override:
        told = ". ".join(str(each) for each in found.blocked)
        raise Conflict(f"{found.title} is not promoted. {told}.")
    if overridden and not reason.strip():
        raise InvalidInput("Say why it is promoted although a condition is not met. The reason is kept.")
    why = checked_reason(reason.strip() or f"passed the gate with experiment “{found.evidence.experiment}”")
    put_label(session, actor=actor, name=PRODUCTION, version_id=version_id, label=label, reason=why)
    supersede(session, by=actor.id, said=f"{found.title} was promoted after it.")
    promotion = _keep(session, actor, found, label.moves, overridden=overridden, reason=why)
    begin(session, promotion, limits=found.limits, automatic=automatic)
    return promotion


def _judged(
    session: Session, actor: Actor, label: PromptLabel, version_id: int, experiment_id: int | None
) -> Gate:
    version, production = get_version(session, version_id), get_version(session, label.version_id)
    title = title_of(session, version.id)
    if experiment_id is not None and variant_of(session, experiment_id, version) is None:
        raise InvalidInput(f"Experiment {experiment_id} has not drawn {title} with its own parameters.")
    evidence = gather(session, version=version, production=production, experiment_id=experiment_id)
    if evidence.experiment_id is not None:
        refuse_in_the_middle(session, actor, evidence.experiment_id)
    number, limits = in_force(session)
    return Gate(
        version_id=version_id,
        title=title,
        production_id=production.id,
        production=title_of(session, production.id),
        moves=label.moves,
        evidence=evidence,
        limits=limits,
        limits_version=number,
        conditions=judge(evidence, limits),
    )


def _keep(
    session: Session, actor: Actor, found: Gate, moves: int, *, overridden: bool, reason: str
) -> Promotion:
    promotion = Promotion(
        version_id=found.version_id,
        former_id=found.production_id,
        experiment_id=found.evidence.experiment_id,
        limits_version=found.limits_version,
        conditions=[each.as_json() for each in found.conditions],
        overridden=overridden,
        reason=reason,
        actor_id=actor.id,
        moves=moves,
    )
    session.add(promotion)
    session.flush()
    record(
        session,
        actor=actor,
        action="prompt.override_promotion" if overridden else "prompt.promote",
        subject=f"promotion:{promotion.id}",
        reason=reason,
        before={"version_id": found.production_id},
        after={"version_id": found.version_id, "not_met": [str(each.name) for each in found.blocked]},
    )
    session.flush()
    return promotion
