"""Pictures of the object store on a page."""

import streamlit as st

import core.services
from core.errors import OperatorError
from pages.components.start import plain


@st.cache_data(max_entries=48, ttl="10m", show_spinner=False)
def picture(object_key: str) -> bytes:
    """The bytes under a key, which never change. Raises NotFound, ServiceUnavailable."""
    return core.services.current().objects.get(object_key)


def show_picture(object_key: str, *, alt: str) -> None:
    """A picture as wide as its place, or a sentence that says why there is none."""
    try:
        content = picture(object_key)
    except OperatorError as exc:
        st.warning(plain(str(exc)), icon=":material/broken_image:")
    else:
        st.image(content, width="stretch", alt=alt)
