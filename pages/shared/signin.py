"""Who is at the desk: staff signed in by OIDC, or, in local mode, a persona for a browser on this machine."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from streamlit.errors import StreamlitAuthError

from core.access.permissions import Actor
from core.access.sign_in import SignIn, check_auth, require_no_other_name, require_readable
from core.access.staff import active_staff, actor_by_email
from core.foundation.errors import NotAllowed, OperatorError
from core.services import Services
from pages.shared.start import STAFF_ID, plain

LOCAL_ONLY = (
    "Inkdesk runs in local mode and answers only to a browser on its own machine. "
    "To open it to others, set up sign-in: fill in [auth] in .streamlit/secrets.toml."
)
UNVERIFIED = (
    "Your identity provider sent no verified e-mail address: the claim email_verified has to be true. "
    "Ask an admin to check it."
)
# Any of these says that somebody stands between the browser and us: the address we see is not the browser's.
PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")
PERSONA, WIDGET = "persona", "shell_persona"
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def sign_in(services: Services) -> None:
    """Settle who acts and remember their number for the pages; stops the run where nobody may come in."""
    st.session_state.pop(STAFF_ID, None)
    try:
        settings = sign_in_settings()
        actor = _by_oidc(services, settings) if settings else _by_persona(services)
    except OperatorError as exc:
        st.error(plain(str(exc)))
        st.stop()
    st.session_state[STAFF_ID] = actor.id


def is_local(address: str | None, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from this very machine: its address, the name it asked for, and no proxy.

    `address` None is how Streamlit names a loopback connection. The asked name is checked too, because a web
    page elsewhere may point its own name at 127.0.0.1.
    """
    if any(name in headers for name in PROXY_HEADERS):
        return False
    host = urlsplit(f"//{headers['Host']}").hostname if "Host" in headers else None
    if host is not None and host not in LOCAL_NAMES:
        return False
    try:
        return address is None or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _by_persona(services: Services) -> Actor:
    if not is_local(st.context.ip_address, st.context.headers):
        raise NotAllowed(LOCAL_ONLY)
    with services.database.transaction() as session:
        staff = {actor.name: actor for actor in active_staff(session)}
    if not staff:
        raise NotAllowed("There is no active staff member. Start Inkdesk anew to add the personas.")
    # The address carries the persona, so that a reload keeps it. Not bound to the widget, because Streamlit
    # would refuse every `st.switch_page` then.
    asked = st.query_params.get(PERSONA)
    if WIDGET not in st.session_state and asked in staff:
        st.session_state[WIDGET] = asked
    with st.sidebar:
        help_text = "Local mode has no passwords: choose who you are."
        name = st.selectbox("Acting as", list(staff), key=WIDGET, help=help_text)
    if name == next(iter(staff)):
        st.query_params.pop(PERSONA, None)
    else:
        st.query_params[PERSONA] = name
    return staff[name]


def _by_oidc(services: Services, settings: SignIn) -> Actor:
    try:
        if not st.user.is_logged_in:
            st.title("Inkdesk", anchor=False)
            for provider in settings.providers:
                _offer(provider)
            st.stop()
    except StreamlitAuthError as exc:
        raise NotAllowed(f"Sign-in is not set up completely: {exc}") from exc
    email = st.user.get("email")
    with st.sidebar:
        st.caption(f"Signed in as {plain(str(email or ''))}")
        if st.button("Sign out", key="shell_sign_out", icon=":material/logout:"):
            st.logout()
    # Only the boolean counts: some providers send no claim, or a text, for addresses that anybody may claim.
    if not isinstance(email, str) or not email.strip() or st.user.get("email_verified") is not True:
        raise NotAllowed(UNVERIFIED)
    with services.database.transaction() as session:
        return actor_by_email(session, email)


def _offer(provider: str | None) -> None:
    """The button that leads to one identity provider."""
    label = "Sign in" if provider is None else f"Sign in with {plain(provider)}"
    key = "shell_sign_in" if provider is None else f"shell_sign_in_{provider}"
    if st.button(label, key=key, type="primary", icon=":material/login:"):
        st.login(provider)


def sign_in_settings() -> SignIn | None:
    """What `[auth]` says; None without it, which is local mode. Raises SetupError where it cannot be used."""
    names = [name for name in st.get_option("secrets.files") if Path(name).exists()]
    for name in names:
        require_readable(Path(name))
    if not st.secrets.load_if_toml_exists():
        return None
    require_no_other_name(st.secrets)
    return check_auth(st.secrets["auth"]) if "auth" in st.secrets else None
