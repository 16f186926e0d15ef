"""One generation, opened: pictures, facts, its story, attempts, credits, and what can be done about it."""

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.classification.taxonomy import FailureClass, facts
from core.desks.generations.detail import Detail, generation_detail
from core.foundation.errors import OperatorError
from core.foundation.wording import count, dollars, duration, moment
from core.generation.cancel import request_cancel
from core.generation.request import retry_generation
from core.images.addresses import Shown
from core.tables.generation import State
from pages.generations.case import case_lines, goodwill_offer
from pages.generations.image_checks import image_checks
from pages.generations.story import attempts_table, ledger_table, story, timings
from pages.shared.badges import badge
from pages.shared.clock import zone
from pages.shared.links import page_link
from pages.shared.pictures import show_picture
from pages.shared.start import Desk, flash, operator_errors, plain, refusal

LIVE_SECONDS = 1.5
PICTURE_PIXELS = 340


def show_detail(desk: Desk, generation_id: int) -> None:
    """The generation; while it runs the page follows it, and never again after its end."""
    try:
        detail = _load(desk, generation_id)
    except OperatorError as exc:
        _back()
        st.warning(plain(str(exc)), icon=":material/search_off:")
        return
    st.fragment(_detail, run_every=None if detail.ended else LIVE_SECONDS)(desk, generation_id, detail.ended)


def open_generation(generation_id: int) -> None:
    """Make this the one that is shown."""
    st.query_params["id"] = str(generation_id)


def _back() -> None:
    if st.button("All generations", key="generations_back", icon=":material/arrow_back:"):
        st.query_params.pop("id", None)
        st.rerun()


def _load(desk: Desk, generation_id: int) -> Detail:
    with desk.services.database.transaction() as session:
        return generation_detail(session, generation_id)


def _detail(desk: Desk, generation_id: int, had_ended: bool) -> None:
    with operator_errors():
        detail = _load(desk, generation_id)
        if detail.ended and not had_ended:
            st.rerun()  # the whole page, so that it stops looking
        _heading(desk, detail)
        _outcome(detail)
        if detail.credits and detail.ended:
            case_lines(desk, detail.id)
        selfie, avatar, about = st.columns([1, 1, 1.25], gap="medium")
        with selfie:
            _picture(detail.selfie.shown, "Selfie", f"{detail.selfie.width} x {detail.selfie.height}")
        with avatar:
            _avatar(detail)
        with about:
            _facts(detail)
        timings(detail)
        attempts_table(detail, zone(), sandboxed=desk.services.settings.sandboxed)
        ledger_table(detail, zone())
        told, texts = st.columns([1, 1.25], gap="medium")
        with told:
            story(detail, zone())
        with texts:
            _texts(detail)


def _heading(desk: Desk, detail: Detail) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            _back()
            st.subheader(f"Generation {detail.id:,}", anchor=False, width="content")
            st.markdown(badge(detail.state), width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            _actions(desk, detail)


def _actions(desk: Desk, detail: Detail) -> None:
    if detail.retryable and not detail.retried_as:
        price = (
            count(desk.services.settings.credits_per_avatar, "credit") if detail.credits else "not charged"
        )
        no = refusal(desk.actor, Permission.GENERATE)
        retry = st.button(
            f"Try again, {price}",
            key="generations_retry",
            icon=":material/refresh:",
            type="primary",
            disabled=bool(no),
            help=no,
        )
        if retry:
            _retry(desk, detail.id)
    goodwill_offer(desk, detail)
    if not detail.ended:
        no = refusal(desk.actor, Permission.CANCEL)
        back = f" Its {count(detail.credits, 'credit')} go back to the wallet." if detail.credits else ""
        with st.popover("Cancel", icon=":material/block:", disabled=bool(no), help=no):
            st.markdown(
                f"Stop this generation?{back} What the provider has drawn by then may still be billed."
            )
            if st.button("Cancel the generation", key="generations_cancel", type="primary"):
                _cancel(desk, detail.id)


def _retry(desk: Desk, generation_id: int) -> None:
    services = desk.services
    with services.database.transaction() as session:
        again = retry_generation(
            session,
            services.settings,
            actor=actor_by_id(session, desk.actor.id),
            generation_id=generation_id,
            # One retry of a generation is one charge, however often and wherever it is clicked.
            request_key=f"retry-{generation_id}",
        )
    open_generation(again.id)
    flash(f"Queued again as generation {again.id}")
    st.rerun()


def _cancel(desk: Desk, generation_id: int) -> None:
    with desk.services.database.transaction() as session:
        actor = actor_by_id(session, desk.actor.id)
        request_cancel(session, actor=actor, generation_id=generation_id)
    flash("Canceled", icon=":material/block:")
    st.rerun()


def _outcome(detail: Detail) -> None:
    refunded = sum(line.amount for line in detail.ledger if line.kind == "refund")
    back = f" {count(refunded, 'credit')} came back to the wallet." if refunded else ""
    if detail.state is State.FAILED:
        known = facts(FailureClass(detail.failure_class or FailureClass.UNKNOWN))
        message = plain(detail.failure_message or known.customer_message)
        st.error(
            f"**{known.title}.** {known.operator_hint}{back}  \n:small[The customer reads: {message}]",
            icon=":material/error:",
        )
    elif detail.state is State.CANCELED:
        who = f" by {plain(detail.canceled_by)}" if detail.canceled_by else ""
        st.warning(f"Canceled{who}.{back}", icon=":material/cancel:")
    for again in detail.retried_as:
        st.button(
            f"Tried again as generation {again:,}",
            key=f"generations_again_{again}",
            type="tertiary",
            icon=":material/subdirectory_arrow_right:",
            on_click=open_generation,
            args=(again,),
        )


def _avatar(detail: Detail) -> None:
    if detail.avatar:
        size = f"{detail.avatar.width} x {detail.avatar.height}, {detail.avatar.size_bytes / 1000:,.0f} kB"
        _picture(detail.avatar.shown, "Avatar", size)
        if detail.avatar.shown is not None:
            image_checks(detail.id)
        return
    waiting = "No avatar" if detail.ended else "The avatar appears here"
    st.markdown("**Avatar**")
    with st.container(
        border=True, height=PICTURE_PIXELS, horizontal_alignment="center", vertical_alignment="center"
    ):
        st.caption(f":material/imagesmode: {waiting}", width="content")


def _picture(shown: Shown | None, title: str, about: str) -> None:
    st.markdown(f"**{title}** :gray[:small[{about}]]")
    show_picture(shown, alt=title)


def _facts(detail: Detail) -> None:
    there = zone()
    asked = "Avatar" if detail.credits else "Preview"
    choices = ", ".join(f"{name} {value}" for name, value in detail.parameters.items())
    lines = {
        "Customer": f"{plain(detail.customer)} :gray[{plain(detail.reference)}]",
        "Asked for": f"{asked} by {plain(detail.requested_by)}, {moment(detail.created_at, there)}",
        "Model": f"{detail.model}  \n:small[:gray[{plain(choices)}]]",
        "Credits": count(detail.credits, "credit") if detail.credits else "Not charged",
        "Our cost": _cost(detail),
        "Attempts": f"{len(detail.attempts)} of {detail.max_attempts}",
    }
    if not detail.ended:
        lines["Deadline"] = f"in {duration(detail.deadline_at - detail.now)}"
    if detail.retry_of:
        lines["Retry of"] = f"generation {detail.retry_of:,}"
    st.markdown("**About**")
    st.table(lines, border="horizontal", hide_header=True)


def _cost(detail: Detail) -> str:
    # What was stopped or failed at the provider may be billed there all the same.
    unknown = any(each.remote_id for each in detail.attempts)
    nothing = "Not known" if unknown else "Nothing"
    so_far = nothing if detail.cost_usd is None else dollars(detail.cost_usd)
    each = "price not known" if detail.price_usd is None else f"{dollars(detail.price_usd)} a picture"
    return plain(f"{so_far}, {each}")


def _texts(detail: Detail) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Prompt as it was sent**", width="content")
        if detail.prompt_version is not None:
            page_link("prompts/page.py", detail.prompt_version, version=str(detail.prompt_version_id))
    st.code(detail.prompt, language=None, wrap_lines=True)
    received = {
        f"Attempt {each.number}": each.failure_detail for each in detail.attempts if each.failure_detail
    }
    if detail.failure_detail and detail.failure_detail not in received.values():
        received["In the end"] = detail.failure_detail
    if received:
        with st.expander("What was received, word for word", icon=":material/raw_on:"):
            for title, text in received.items():
                st.caption(title)
                st.code(text, language=None, wrap_lines=True)
