"""Which rule an error message matches, without anything happening."""

import streamlit as st

from core.failures.classify import Verdict, classify
from core.failures.fingerprint import fingerprint, normalise
from core.failures.taxonomy import facts
from pages.components.start import plain

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


def try_message() -> None:
    """A box for the message, and the verdict on it."""
    typed, answer = st.columns([1, 1], gap="medium")
    with typed:
        where = st.selectbox(
            "Where it came from", list(PLACES), key="errors_try_where", format_func=PLACES.__getitem__
        )
        text = st.text_area("Message", key="errors_try_text", height=120, max_chars=20_000,
                            placeholder="Paste what was received")  # fmt: skip
        status, code, exception = st.columns(3)
        number = status.number_input("HTTP status", 100, 599, None, key="errors_try_status")
        words = code.text_input("Code", key="errors_try_code")
        type_name = exception.text_input("Exception", key="errors_try_exception")
    with answer:
        if not (text.strip() or number or words.strip() or type_name.strip()):
            st.caption("The rule that matches appears here.")
            return
        verdict = classify(
            where=where,
            text=text,
            http_status=number,
            code=words.strip() or None,
            exception=type_name.strip() or None,
        )
        _show(verdict, text)


def _show(verdict: Verdict, text: str) -> None:
    known = facts(verdict.failure_class)
    st.subheader(known.title, anchor=False)
    st.markdown(f"Rule `{verdict.rule_id}`: {plain(verdict.rule_description)}")
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
