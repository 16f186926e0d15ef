"""The generation that was asked for last: its stages while it runs, then the avatar, or why there is none."""

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.desks.generations.progress import Failure, Mark, Progress, Stage, progress
from core.foundation.wording import count, dollars, duration
from core.generation.cancel import request_cancel
from core.generation.request import retry_generation
from core.ledger.views import LedgerLine
from core.tables.generation import State
from pages.shared.pictures import download_address, show_picture
from pages.shared.start import Desk, flash, operator_errors, plain, refusal

CURRENT = "generate_current"
PARAMETER = "generation"
MARKS = {
    Mark.DONE: ":green[:material/check_circle:] {label}",
    Mark.NOW: ":blue[:material/progress_activity:] **{label}**",
    Mark.AHEAD: ":gray[:material/radio_button_unchecked: {label}]",
    Mark.FAILED: ":red[:material/cancel:] **{label}**",
    Mark.STOPPED: ":orange[:material/block:] **{label}**",
}


def show_generation(generation_id: int) -> None:
    """Make this the page's generation; the address carries it, so that a reload shows it again."""
    st.session_state[CURRENT] = generation_id
    st.query_params[PARAMETER] = str(generation_id)


def result_panel(desk: Desk, shown: Progress | None) -> None:
    """The panel; while the generation runs it looks every second, and never again after its end."""
    if shown is None:
        with st.container(
            border=True, height=320, horizontal_alignment="center", vertical_alignment="center"
        ):
            st.caption(":material/imagesmode: The avatar appears here, beside the selfie.", width="content")
        return
    st.fragment(_panel, run_every=None if shown.ended else "1s")(desk, shown.id, shown.ended)


def _load(desk: Desk, generation_id: int) -> Progress:
    services = desk.services
    with services.database.transaction() as session:
        return progress(session, generation_id, heartbeat_seconds=services.settings.heartbeat_seconds)


def _panel(desk: Desk, generation_id: int, had_ended: bool) -> None:
    with operator_errors():
        shown = _load(desk, generation_id)
        if shown.ended and not had_ended:
            st.rerun()  # the whole page: it stops looking, and the wallet has changed
        with st.container(border=True):
            _heading(shown)
            selfie, result = st.columns([1, 2.2], gap="small")
            with selfie:
                show_picture(shown.selfie.shown, alt="The selfie")
            with result:
                _result(desk, shown)
            if shown.ended:
                st.caption("  \n".join(_ledger(shown)))


def _heading(shown: Progress) -> None:
    kind = "Avatar" if shown.charged else "Preview"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{kind} no. {shown.id}** for {plain(shown.customer)}")
        st.caption(duration(shown.elapsed), width="content")
    _stages(shown)


def _stages(shown: Progress) -> None:
    with st.container(horizontal=True, gap="small"):
        for stage in shown.stages:
            st.markdown(f":small[{_stage(stage)}]", width="content")


def _stage(stage: Stage) -> str:
    text = MARKS[stage.mark].format(label=stage.label)
    return text if stage.spent is None else f"{text} :gray[{duration(stage.spent)}]"


def _result(desk: Desk, shown: Progress) -> None:
    if shown.avatar is not None:
        _avatar(shown)
    elif shown.failure is not None:
        _failure(desk, shown, shown.failure)
    elif shown.state is State.CANCELED:
        who = f" by {plain(shown.canceled_by)}" if shown.canceled_by else ""
        st.warning(f"Canceled{who}.{_came_back(shown)}", icon=":material/block:")
        _retry(desk, shown)
    else:
        _running(desk, shown)


def _avatar(shown: Progress) -> None:
    avatar = shown.avatar
    if avatar is None:
        return
    show_picture(avatar.shown, alt="The avatar")
    if avatar.shown is None:
        return
    st.link_button(
        f"Download, {avatar.width}x{avatar.height}",
        download_address(avatar.shown),
        icon=":material/download:",
        width="stretch",
    )


def _failure(desk: Desk, shown: Progress, failure: Failure) -> None:
    st.error(f"**{failure.title}.** {plain(failure.message)}{_came_back(shown)}", icon=":material/error:")
    if failure.try_other_input:
        st.markdown("Change the prompt or take another selfie, then generate again.")
    st.caption(f":material/support_agent: {plain(failure.hint)}")
    if failure.detail:
        with st.expander("What was received"):
            st.code(failure.detail, language=None, wrap_lines=True)
    _retry(desk, shown)


def _running(desk: Desk, shown: Progress) -> None:
    with st.container(height=240, border=False, horizontal_alignment="center", vertical_alignment="center"):
        st.markdown(f":gray[:material/hourglass_top: {_headline(shown)}]", width="content")
        if shown.note:
            st.caption(plain(shown.note), width="content")
        if shown.worker_missing:
            st.warning("No worker is running, so nothing moves. Start one: `make worker`.")
        may_cancel = refusal(desk.actor, Permission.CANCEL) is None
        if may_cancel and st.button("Cancel", key="generate_cancel", icon=":material/block:"):
            _cancel(desk, shown)


def _cancel(desk: Desk, shown: Progress) -> None:
    with desk.services.database.transaction() as session:
        request_cancel(session, actor=actor_by_id(session, desk.actor.id), generation_id=shown.id)
    flash("Canceled", icon=":material/block:")
    st.rerun()


def _headline(shown: Progress) -> str:
    now = next((stage.label for stage in shown.stages if stage.mark is Mark.NOW), "Working")
    again = f", attempt {shown.attempts} of {shown.max_attempts}" if shown.attempts > 1 else ""
    return f"{now}{again} ..."


def _retry(desk: Desk, shown: Progress) -> None:
    if refusal(desk.actor, Permission.GENERATE):
        return
    price = count(desk.services.settings.credits_per_avatar, "credit") if shown.charged else "not charged"
    if not st.button(f"Try again, {price}", key="generate_retry", icon=":material/refresh:"):
        return
    services = desk.services
    with services.database.transaction() as session:
        again = retry_generation(
            session,
            services.settings,
            actor=actor_by_id(session, desk.actor.id),
            generation_id=shown.id,
            # One retry of a generation is one charge, however often it is clicked.
            request_key=f"retry-{shown.id}",
        )
    show_generation(again.id)
    st.rerun()


def _came_back(shown: Progress) -> str:
    back = sum(line.amount for line in shown.ledger if line.kind == "refund")
    if back:
        return f" {count(back, 'credit')} came back to the wallet."
    if not shown.credits or any(line.kind == "capture" for line in shown.ledger):
        return ""
    return f" {count(shown.credits, 'credit')} wait for a decision on the refund."


def _ledger(shown: Progress) -> list[str]:
    """What it cost the customer and us, a line each."""
    lines = [_line(line) for line in shown.ledger] or ["Not charged"]
    if shown.avatar is None:
        return lines
    price = "Price not known" if shown.price_usd is None else f"Counted with {dollars(shown.price_usd)}"
    return [*lines, plain(f"{price} for us")]


def _line(line: LedgerLine) -> str:
    wallet = f" · wallet {line.wallet_after:,}" if line.wallet_after is not None else ""
    way = f"{plain(line.from_name)} → {plain(line.to_name)}"
    return f"{line.kind.capitalize()} {count(line.amount, 'credit')}: {way}{wallet}"
