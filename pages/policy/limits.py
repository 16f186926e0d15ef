"""How far this hour's limits on automatic refunds are used."""

from datetime import tzinfo

import streamlit as st

from core.foundation.wording import moment
from core.refunds.budgets import usual_hour
from core.refunds.policy_views import limit_use
from pages.shared.start import Desk


@st.fragment(run_every="10s")
def limits_now(desk: Desk, zone: tzinfo) -> None:
    """One line a limit; a limit that is reached says since when."""
    with desk.services.database.transaction() as session:
        found = limit_use(session)
        usual = usual_hour(session)
    held = [each for each in found if each.tripped_at]
    for each in held:
        st.warning(
            f"Automatic refunds are held back since {moment(each.tripped_at, zone)}: the limit "
            f"“{each.title}, this hour” is reached. New cases wait for a person until the hour is over.",
            icon=":material/front_hand:",
        )
    used = " · ".join(
        f"{each.title}: {each.refunds:,} of {each.refund_cap:,} automatic refunds, "
        f"{each.used:,} of {each.credit_cap:,} credits"
        for each in found
    )
    st.caption(
        f"This hour: {used or 'no automatic refund yet'}. "
        f"A usual hour has {usual:,.0f} automatic refund{'' if usual == 1 else 's'}."
    )
