"""Pictures of the object store on a page.

The browser gets them by signed addresses, each of which asks the row: Streamlit keeps none of them, and of
somebody who was erased none is given, by whatever process.
"""

from urllib.parse import urlsplit

import streamlit as st

import core.services
from core.foundation.errors import OperatorError
from core.images.addresses import DOWNLOAD, Shown, Size
from core.web.stored import stored_picture
from pages.shared.start import plain

DELETED = "Deleted with the customer's data"


def show_picture(shown: Shown | None, *, alt: str, size: Size = Size.WHOLE) -> None:
    """A picture as wide as its place, or a sentence that says why there is none; None: they were erased."""
    if shown is None:
        st.caption(f":material/hide_image: {DELETED}")
        return
    services = core.services.current()
    try:
        # Read here already, so that what is missing is said in words; the browser's request finds it kept.
        stored_picture(services, shown, size)
    except OperatorError as exc:
        st.warning(plain(str(exc)), icon=":material/broken_image:")
    else:
        st.image(f"{_base()}{shown.address(services.settings, size)}", width="stretch", alt=alt)


def download_address(shown: Shown) -> str:
    """Where the browser gets a picture as a file."""
    return f"{shown.address(core.services.current().settings, Size.WHOLE)}?{DOWNLOAD}=1"


def _base() -> str:
    """The desk as this browser reaches it: `st.image` takes no address without a host."""
    # Streamlit's own answer ends with the page, except where it knows better.
    here = urlsplit(st.context.url or core.services.current().settings.desk_url or "http://localhost")
    return f"{here.scheme}://{here.netloc}"
