"""Asking for a generation: checked, priced, charged and queued in one transaction."""

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.catalog import models as catalog
from core.catalog.prices import Price, price_of
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.ledger import moves as ledger
from core.prompts.library import get_version
from core.prompts.rendering import checked, render
from core.settings import Settings
from core.tables.customers import Customer
from core.tables.generation import Generation, GenerationEvent, State
from core.tables.images import StoredSelfie

EXPERIMENT_PRIORITY = -10
PREVIEW_PRIORITY = 0
CUSTOMER_PRIORITY = 10
PRIORITIES = {
    "experiment": EXPERIMENT_PRIORITY,
    "preview": PREVIEW_PRIORITY,
    "avatar": CUSTOMER_PRIORITY,
}


@dataclasses.dataclass(frozen=True)
class Quote:
    """What one generation costs: the customer in credits, us in dollars."""

    credits: int
    price: Price

    @property
    def price_usd(self) -> Decimal:
        return self.price.usd


@dataclasses.dataclass(frozen=True)
class Wish:
    """One filled-in form. `request_key` is made once per form: the same wish twice is one generation.

    `values` None means that `template` is the final prompt already, to be sent as it stands. `prompt` is what
    was rendered from the template before: it is sent byte for byte, whatever the template would yield today.
    `prompt_version_id` is the saved version whose template, model and parameters these are; None for a draft.
    `experiment` says that it is a cell of an experiment: free of charge, and behind everybody's wishes.
    """

    request_key: str
    customer_id: int
    selfie_id: int
    template: str
    values: Mapping[str, str] | None
    parameters: Mapping[str, str]
    charged: bool
    retry_of: int | None = None
    model: str | None = None
    prompt: str | None = None
    prompt_version_id: int | None = None
    experiment: bool = False

    @property
    def purpose(self) -> str:
        if self.experiment:
            return "experiment"
        return "avatar" if self.charged else "preview"


def quote(
    settings: Settings, parameters: Mapping[str, str], *, charged: bool, model: str | None = None
) -> Quote:
    """The price of a wish before it is made. Raises InvalidInput for parameters that the model lacks."""
    slug = model or settings.model
    catalog.check_parameters(slug, parameters)
    credits_due = settings.credits_per_avatar if charged else 0
    return Quote(credits_due, price_of(slug, parameters, own_key=settings.own_openai_key))


def request_generation(session: Session, settings: Settings, *, actor: Actor, wish: Wish) -> Generation:
    """Queue a generation and charge the customer for it. The same `request_key` again returns the first.

    Raises NotAllowed, InvalidInput (prompt, parameters, a version that says something else), NotFound
    (selfie, version), InsufficientCredits, and Conflict when the key was used for something else.
    """
    require(actor, Permission.GENERATE)
    prompt = _prompt(wish)
    price = quote(settings, wish.parameters, charged=wish.charged, model=wish.model)
    _check_version(session, settings, wish)
    _check_selfie(session, wish)
    generation = _insert(session, settings, actor, wish, prompt, price)
    if generation is None:
        return _first(session, wish, prompt)
    if wish.charged:
        ledger.charge(
            session,
            generation_id=generation.id,
            customer_id=wish.customer_id,
            amount=price.credits,
            actor=actor.name,
        )
    session.add(
        GenerationEvent(
            generation_id=generation.id, to_state=State.QUEUED, actor=actor.name, note="requested"
        )
    )
    record(session, actor=actor, action="generation.request", subject=f"generation:{generation.id}")
    session.flush()
    return generation


def retry_generation(
    session: Session, settings: Settings, *, actor: Actor, generation_id: int, request_key: str
) -> Generation:
    """Ask again for what failed or was canceled, as a new generation at today's price.

    It keeps the template, by which failure rates are compared, and sends the very prompt of the former one.
    """
    require(actor, Permission.GENERATE)
    # Locked, so that whoever asks first whether it was retried already waits for this retry's commit.
    former = session.get(Generation, generation_id, with_for_update={"key_share": True})
    if former is None:
        raise NotFound(f"There is no generation {generation_id}.")
    if former.state not in (State.FAILED, State.CANCELED):
        raise Conflict(f"Generation {generation_id} is {former.state}; only an ended one can be retried.")
    if former.purpose == "experiment":
        raise Conflict(f"Generation {generation_id} belongs to an experiment. Retry its failures there.")
    model = model_for_retry(former.model, former.failure_class)
    wish = Wish(
        request_key=request_key,
        customer_id=former.customer_id,
        selfie_id=former.selfie_id,
        template=former.template,
        values=None,
        prompt=former.prompt,
        parameters={name: str(value) for name, value in former.parameters.items()},
        charged=former.purpose == "avatar",
        retry_of=former.id,
        model=model,
        # Drawn by another model it says nothing about the version.
        prompt_version_id=former.prompt_version_id if model == former.model else None,
    )
    return request_generation(session, settings, actor=actor, wish=wish)


def model_for_retry(model: str, failure_class: str | None) -> str | None:
    """The model that a retry asks; None for the one that is set today, where the provider has the former no
    longer."""
    return None if failure_class == "model_unavailable" else model


def _prompt(wish: Wish) -> str:
    if wish.prompt is not None:
        return checked(wish.prompt)
    return checked(wish.template) if wish.values is None else render(wish.template, wish.values)


def _check_version(session: Session, settings: Settings, wish: Wish) -> None:
    """What is counted for a version must be what the version says."""
    if wish.prompt_version_id is None:
        return
    version = get_version(session, wish.prompt_version_id)
    model = catalog.MODELS[wish.model or settings.model]
    same = (version.resolved, version.model) == (wish.template, model.slug)
    asked = catalog.checked_parameters(model, wish.parameters)
    # An input that the model takes only since then has its preset in both.
    if not same or catalog.checked_parameters(model, version.parameters) != asked:
        raise InvalidInput(
            "The prompt, model or parameters are not those of the version. Send it as a draft."
        )


def _check_selfie(session: Session, wish: Wish) -> None:
    found = session.execute(
        select(StoredSelfie.customer_id, Customer.erased_at)
        .join(Customer, Customer.id == StoredSelfie.customer_id)
        .where(StoredSelfie.id == wish.selfie_id)
        # The lock that the new row takes anyway; so nobody is erased between this look and that row.
        .with_for_update(read=True, key_share=True, of=Customer)
    ).one_or_none()
    if found is None:
        raise NotFound("The selfie is no longer there. Choose another one.")
    if found.customer_id != wish.customer_id:
        raise InvalidInput("The selfie belongs to another customer. Choose one of this customer's selfies.")
    if found.erased_at is not None:
        raise NotFound("The customer's data was erased, and the selfie with it.")


def _insert(
    session: Session, settings: Settings, actor: Actor, wish: Wish, prompt: str, price: Quote
) -> Generation | None:
    """Write the row; None when this form was sent before (a twin under way is waited for)."""
    return session.scalars(
        insert(Generation)
        .values(
            request_key=wish.request_key,
            purpose=wish.purpose,
            customer_id=wish.customer_id,
            selfie_id=wish.selfie_id,
            requested_by=actor.id,
            retry_of=wish.retry_of,
            template=wish.template,
            prompt_version_id=wish.prompt_version_id,
            prompt=prompt,
            model=wish.model or settings.model,
            parameters=dict(wish.parameters),
            credits=price.credits,
            price_usd=price.price_usd,
            priority=PRIORITIES[wish.purpose],
            state=State.QUEUED,
            deadline_at=func.now() + timedelta(seconds=settings.generation_deadline_seconds),
            max_attempts=settings.max_attempts,
        )
        .on_conflict_do_nothing(index_elements=["request_key"])
        .returning(Generation)
    ).one_or_none()


def _first(session: Session, wish: Wish, prompt: str) -> Generation:
    first = session.scalars(select(Generation).where(Generation.request_key == wish.request_key)).one()
    same = (
        first.customer_id == wish.customer_id
        and first.selfie_id == wish.selfie_id
        and first.prompt == prompt
        and first.purpose == wish.purpose
        and first.parameters == dict(wish.parameters)
    )
    if not same:
        raise Conflict("This form was sent before with other contents. Reload the page and fill it in anew.")
    return first
