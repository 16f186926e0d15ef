"""Quality, price and the two buttons: a preview that is not charged, and the avatar that is."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping

import streamlit as st

from core.access.permissions import Permission
from core.catalog.lifetimes import end_sentence
from core.desks.generations.progress import Progress
from core.foundation.errors import InvalidInput
from core.foundation.wording import count, dollars
from core.generation.request import Wish, quote, request_generation
from core.images.selfies import keep_selfie
from pages.generate.prompt_editor import Draft
from pages.generate.prompt_source import PAGE
from pages.generate.result_panel import show_generation
from pages.generate.selfie_picker import ChosenSelfie
from pages.shared.clock import today
from pages.shared.forms import form_key, renew_form
from pages.shared.parameters import parameter_bar
from pages.shared.start import Desk, flash, operator_errors, plain, refusal

FORM = "generate"
SENT = "generate_sent"


@dataclasses.dataclass(frozen=True)
class Order:
    """The whole form as it is filled in."""

    customer_id: int | None
    selfie: ChosenSelfie | None
    draft: Draft

    @property
    def parameters(self) -> Mapping[str, str]:
        return self.draft.parameters

    def missing(self) -> list[str]:
        """What is still to be done before it can be sent."""
        needs = {
            "choose or add a customer": self.customer_id is None,
            "add a selfie": self.selfie is None,
            "correct the prompt": self.draft.problem is not None,
        }
        return [what for what, is_open in needs.items() if is_open]

    def fingerprint(self, charged: bool) -> str:
        """The same for the same form, however often it is filled in."""
        sha256 = self.selfie.sha256 if self.selfie else None
        drawn = [self.draft.prompt, self.draft.model, dict(self.parameters)]
        facts = [self.customer_id, sha256, drawn, charged]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def order_card(
    desk: Desk, customer_id: int | None, selfie: ChosenSelfie | None, draft: Draft, shown: Progress | None
) -> None:
    """What it costs, what is still missing, and the buttons that send the form."""
    with st.container(border=True):
        parameter_bar(PAGE, draft.model)
        order = Order(customer_id, selfie, draft)
        problem = _problem(desk, order)
        running = shown is not None and not shown.ended
        preview, charged = st.columns(2, gap="small")
        with preview:
            send_preview = _button(desk, order, charged=False, enabled=problem is None, running=running)
        with charged:
            send_charged = _button(desk, order, charged=True, enabled=problem is None, running=running)
        if send_preview or send_charged:
            _submit(desk, order, charged=send_charged)
        st.caption(plain(problem) if problem else _price(desk, order))
        if told := end_sentence(draft.model, today()):
            st.caption(plain(told))


def _problem(desk: Desk, order: Order) -> str | None:
    if not_allowed := refusal(desk.actor, Permission.GENERATE):
        return not_allowed
    if missing := order.missing():
        return f"Before you can start: {', '.join(missing)}."
    try:
        quote(desk.services.settings, order.parameters, charged=True, model=order.draft.model)
    except InvalidInput as exc:
        return str(exc)
    return None


def _price(desk: Desk, order: Order) -> str:
    settings = desk.services.settings
    price = quote(settings, order.parameters, charged=True, model=order.draft.model)
    ours = (
        f"{dollars(price.price_usd)} list price"
        if price.price.published
        else f"at most {dollars(price.price_usd)}"
    )
    return plain(f"{count(price.credits, 'credit')} for the customer, {ours} for us, {order.draft.model}")


def _button(desk: Desk, order: Order, *, charged: bool, enabled: bool, running: bool) -> bool:
    """A button that sends the form; says whether to send it now."""
    price = count(desk.services.settings.credits_per_avatar, "credit")
    # The very same form is under way: a second click on it is a slip of the finger.
    enabled = enabled and not (running and st.session_state.get(SENT) == order.fingerprint(charged))
    clicked = st.button(
        f"Generate, {price}" if charged else "Preview, not charged",
        key=f"generate_{'charged' if charged else 'preview'}_{form_key(FORM)}",
        type="primary" if charged else "secondary",
        width="stretch",
        wrap=True,
        disabled=not enabled,
    )
    return clicked and enabled


def _submit(desk: Desk, order: Order, *, charged: bool) -> None:
    with operator_errors():
        show_generation(_send(desk, order, charged=charged))
        st.session_state[SENT] = order.fingerprint(charged)
        renew_form(FORM)
        flash("Queued" if charged else "Preview queued", icon=":material/schedule:")
        st.rerun()


def _send(desk: Desk, order: Order, *, charged: bool) -> int:
    services = desk.services
    wish = Wish(
        request_key=form_key(FORM),
        customer_id=order.customer_id or 0,
        selfie_id=_kept(desk, order),
        template=order.draft.template,
        values=order.draft.values,
        parameters=order.parameters,
        charged=charged,
        model=order.draft.model,
        prompt_version_id=order.draft.version_id,
    )
    with services.database.transaction() as session:
        return request_generation(session, services.settings, actor=desk.actor, wish=wish).id


def _kept(desk: Desk, order: Order) -> int:
    """Keep a new selfie in a transaction of its own: should the request be refused, its row stays."""
    selfie, services = order.selfie, desk.services
    if selfie is None or selfie.taken is None:
        return (selfie and selfie.stored_id) or 0
    with services.database.transaction() as session:
        return keep_selfie(
            session,
            services.objects,
            actor=desk.actor,
            customer_id=order.customer_id or 0,
            selfie=selfie.taken,
        ).id
