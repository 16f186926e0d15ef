"""Which rule an error message matches, without anything happening."""

from collections.abc import Sequence

import streamlit as st

from core.access.permissions import Permission
from core.catalog.models import MODELS
from core.classification.classify import Verdict, classify
from core.classification.fingerprint import fingerprint, normalise
from core.classification.overrides.in_force import read_overrides
from core.classification.overrides.matching import Error, Override
from core.classification.overrides.records import suggested_pattern
from core.classification.taxonomy import facts
from pages.errors.override_rules import NEW, open_override
from pages.shared.start import Desk, plain, refusal

PLACES = {
    "prediction": "A prediction failed",
    "replicate_http": "The provider's API answered",
    "network": "No answer came",
    "output_fetch": "Fetching the finished picture",
    "asset": "The finished picture",
    "input": "Selfie or form",
    "storage": "Object store",
    "database": "Database",
}
WHOSE = {"customer": "The customer", "us": "We", "provider": "The provider"}
REFUNDS = {"auto": "Automatic", "review": "A person decides"}


def try_message(desk: Desk) -> None:
    """A box for the message, and the verdict on it."""
    typed, answer = st.columns([1, 1], gap="medium")
    with typed:
        place, which = st.columns(2)
        where = place.selectbox(
            "Where it came from", list(PLACES), key="errors_try_where", format_func=PLACES.__getitem__
        )
        model = which.selectbox("Model", list(MODELS), None, key="errors_try_model", placeholder="Any")
        text = st.text_area(
            "Message",
            key="errors_try_text",
            height=120,
            max_chars=20_000,
            placeholder="Paste what was received",
        )
        status, code, exception = st.columns(3)
        number = status.number_input("HTTP status", 100, 599, None, key="errors_try_status")
        words = code.text_input("Code", key="errors_try_code")
        type_name = exception.text_input("Exception", key="errors_try_exception")
    with answer:
        if not (text.strip() or number or words.strip() or type_name.strip()):
            st.caption("The rule that matches appears here.")
            return
        with desk.services.database.transaction() as session:
            overrides = read_overrides(session)
        error = Error(where, text, type_name.strip() or None, number, words.strip() or None, model or "")
        verdict = _verdict(error, overrides)
        own = verdict.rule_id.startswith("override:")
        _show(verdict, text, _verdict(error, ()) if own else None)
        with st.container(horizontal=True):
            _next_steps(desk, verdict, text)


def _verdict(error: Error, overrides: Sequence[Override]) -> Verdict:
    return classify(
        where=error.where,
        text=error.text,
        http_status=error.http_status,
        code=error.code,
        exception=error.exception,
        model=error.model,
        overrides=overrides,
    )


def _next_steps(desk: Desk, verdict: Verdict, text: str) -> None:
    """Open the rule of one's own that decided, or make one."""
    no = refusal(desk.actor, Permission.CONFIGURE_CLASSES)
    if verdict.rule_id.startswith("override:"):
        number = verdict.rule_id.removeprefix("override:").partition(".")[0]
        st.button("Open the rule", key="errors_try_open", on_click=open_override, args=(number,))
    if text.strip():
        st.button(
            "Make a rule of this message",
            key="errors_try_make",
            icon=":material/add:",
            disabled=bool(no),
            help=no,
            on_click=open_override,
            args=(NEW, suggested_pattern(normalise(text))),
        )


def _show(verdict: Verdict, text: str, built_in: Verdict | None) -> None:
    """The verdict; `built_in` is what the built-in rules would say where one's own rule has decided."""
    known = facts(verdict.failure_class)
    st.subheader(known.title, anchor=False)
    mark = ":violet-badge[Your own]" if built_in else ":gray-badge[Built in]"
    st.markdown(f"{mark} Rule `{verdict.rule_id}`: {plain(verdict.rule_description)}")
    if built_in:
        st.markdown(
            f"Without it: **{facts(built_in.failure_class).title}** by `{built_in.rule_id}`: "
            f"{plain(built_in.rule_description)}"
        )
    lines = {
        "At fault": WHOSE[known.fault.value],
        "Tried again": "Yes" if verdict.retryable else "No",
        "Refund": REFUNDS[known.refund.value],
        "The customer reads": plain(known.customer_message),
        "What to do": plain(known.operator_hint),
        "Group": f"`{fingerprint(verdict.failure_class, text)}`",
    }
    if verdict.category:
        lines["Safety category"] = plain(verdict.category)
    if verdict.retry_after is not None:
        lines["Asked to wait"] = f"{verdict.retry_after:g} s"
    st.table(lines, border="horizontal", hide_header=True)
    st.caption("The message as groups compare it")
    st.code(normalise(text), language=None, wrap_lines=True)
