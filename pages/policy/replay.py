"""A draft held against the last 90 days."""

import streamlit as st

from core.foundation.wording import count
from core.refunds.policy import Outcome, Policy
from core.refunds.policy_views import OUTCOME_WORDS
from core.refunds.replay import DAYS, Replay, Tally, replay
from pages.shared.start import Desk, plain

AGAINST_PEOPLE = (
    ("pays_denied", "Would pay what people denied"),
    ("keeps_paid", "Would keep what people paid"),
    ("spares_people", "Would pay at once what people paid"),
)


def replay_view(desk: Desk, draft: Policy | None, *, current: Policy) -> None:
    """A button, because it reads every case of three months; then what the draft would have done."""
    st.subheader(f"On the last {DAYS} days", anchor=False)
    tried = st.button(
        "Try it on the past", key="policy_replay", icon=":material/history:", disabled=draft is None
    )
    if draft is None or not (tried or st.session_state.get("policy_replayed") == repr(draft)):
        st.caption(
            f"Puts every failure case of the last {DAYS} days to these rules and to those in force. "
            "It changes nothing."
        )
        return
    st.session_state["policy_replayed"] = repr(draft)
    found = _tried(desk, repr(draft), repr(current), draft, current)
    if not found.cases:
        st.info("There was no failure case in this time.", icon=":material/hourglass_empty:")
        return
    _outcomes(found)
    _moved(found)
    _people(found)
    st.caption(
        "Judged by what the policy saw of each case then: earlier refunds are those that really happened. "
        "The limits are applied anew for both."
    )


@st.cache_data(ttl=600, max_entries=20, show_spinner=f"Putting {DAYS} days of cases to both policies ...")
def _tried(_desk: Desk, wording: str, former: str, _draft: Policy, _current: Policy) -> Replay:  # noqa: ARG001 - the cache's key
    with _desk.services.database.transaction() as session:
        return replay(session, draft=_draft, current=_current)


def _outcomes(found: Replay) -> None:
    for place, outcome in zip(st.columns(3), Outcome, strict=True):
        now, then = found.now[outcome], found.draft[outcome]
        word = OUTCOME_WORDS[outcome]
        place.metric(
            f"{word[0].upper()}{word[1:]}",
            count(then.cases, "case"),
            delta=f"{then.cases - now.cases:+,} cases, {then.credits - now.credits:+,} credits",
            delta_color="off",
            delta_arrow="off",
        )


def _moved(found: Replay) -> None:
    if not found.moved:
        st.markdown("No case would have gone another way.")
        return
    for (now, then), tally in sorted(found.moved.items(), key=lambda item: -item[1].cases):
        st.markdown(f"- {OUTCOME_WORDS[now]} → **{OUTCOME_WORDS[then]}**: {_words(tally)}")


def _people(found: Replay) -> None:
    told = [(title, getattr(found, name)) for name, title in AGAINST_PEOPLE]
    if any(tally.cases for _, tally in told):
        st.markdown("**Against what people decided**")
        for title, tally in told:
            if tally.cases:
                st.markdown(f"- {title}: {_words(tally)}")


def _words(tally: Tally) -> str:
    shown = ", ".join(str(number) for number in tally.examples[:5])
    more = " …" if tally.cases > 5 else ""
    return plain(f"{count(tally.cases, 'case')}, {count(tally.credits, 'credit')} (case {shown}{more})")
