"""The people of the tests: adding one with selfies, customers who agreed, deleting somebody whole."""

from collections.abc import Sequence

import streamlit as st

from core.access.permissions import Permission
from core.customers.directory import find_customers
from core.foundation.errors import OperatorError, ServiceUnavailable, StillKept
from core.foundation.wording import count
from core.images.addresses import Size
from core.images.intake import Selfie, take_in
from core.testsets.people import PersonView, add_person, delete_person, note_consent, take_back_consent
from pages.shared.changing import changing
from pages.shared.forms import form_key, renew_form
from pages.shared.pictures import show_picture
from pages.shared.start import Desk, flash, operator_errors, plain, refusal

FORM = "test_person"
PROBLEM = "test_people_problem"
FACES = 8
SOURCES = {"upload": "Added for tests", "customer": "Customer who agreed", "import": "Seen in an import"}


def people_view(desk: Desk, everybody: Sequence[PersonView]) -> None:
    """Two ways in, and everybody who is in."""
    if problem := st.session_state.pop(PROBLEM, None):
        st.error(plain(problem))
    if no := refusal(desk.actor, Permission.EDIT_TEST_SETS):
        st.caption(plain(no))
    else:
        add, ask, _ = st.columns([1, 1.3, 2])
        with add.popover(
            "Add a person", key="test_people_add", icon=":material/person_add:", width="stretch"
        ):
            _add(desk)
        with ask.popover(
            "A customer agreed", key="test_people_ask", icon=":material/how_to_reg:", width="stretch"
        ):
            _agreed(desk)
    if not everybody:
        st.info(
            "Nobody is in the tests yet. Add people with their selfies, or note which customers agreed.",
            icon=":material/group:",
        )
    for person in everybody:
        _person(desk, person, editable=no is None)


def _add(desk: Desk) -> None:
    key = form_key(FORM)
    name = st.text_input("Name", key=f"test_person_name_{key}")
    note = st.text_input(
        "How they agreed", key=f"test_person_note_{key}", placeholder="Such as: signed form of 3 May"
    )
    files = st.file_uploader("Selfies", accept_multiple_files=True, key=f"test_person_files_{key}")
    if st.button("Add", key=f"test_person_send_{key}", type="primary", width="stretch"):
        with operator_errors():
            taken = [_taken(file.getvalue(), file.name) for file in files or ()]
            services = desk.services
            add_person(
                services.database,
                services.objects,
                actor=desk.actor,
                name=name,
                consent_note=note,
                selfies=taken,
                key=key,
            )
            renew_form(FORM)
            flash(f"{name.strip()} is in the tests with {count(len(taken), 'selfie')}")
            st.rerun()


def _agreed(desk: Desk) -> None:
    words = st.text_input("Find the customer", key="test_people_find")
    with desk.services.database.transaction() as session:
        found = {each.id: f"{each.name} · {each.reference}" for each in find_customers(session, words)}
    chosen = st.selectbox(
        "Customer", list(found), index=None, key="test_people_customer", format_func=found.__getitem__
    )
    note = st.text_input("How they agreed", key="test_people_customer_note")
    if (
        st.button(
            "Note it",
            key="test_people_customer_send",
            type="primary",
            width="stretch",
            disabled=chosen is None,
        )
        and chosen is not None
    ):
        with changing(desk, "The customer's selfies may be used in tests") as (session, actor):
            note_consent(session, actor=actor, customer_id=chosen, note=note)


def _person(desk: Desk, person: PersonView, *, editable: bool) -> None:
    selfies, images = count(len(person.faces), "selfie"), count(person.images, "image")
    with st.container(border=True):
        words, faces, button = st.columns([2, 3, 0.8], vertical_alignment="center")
        words.markdown(
            f"**{plain(person.name)}** {_badge(person)}  \n"
            f":small[:gray[{SOURCES[person.source]}: {plain(person.consent_note)}]]  \n"
            f":small[:gray[{selfies}, {images} made]]"
        )
        for place, face in zip(faces.columns(FACES), person.faces, strict=False):
            with place:
                show_picture(face, alt=f"Selfie of {person.name}", size=Size.SMALL)
        if editable and person.deleted_at is None:
            with button.popover("Change", key=f"test_person_change_{person.id}", width="stretch"):
                _change(desk, person)


def _change(desk: Desk, person: PersonView) -> None:
    reason = st.text_input("Why", key=f"test_person_why_{person.id}", placeholder="Needed")
    asked = person.source == "customer" and person.agreed
    if asked and st.button("Take the consent back", key=f"test_person_back_{person.id}", width="stretch"):
        with changing(desk, "Nothing more is drawn of them for tests") as (session, actor):
            take_back_consent(session, actor=actor, customer_id=person.customer_id, reason=reason)
    st.caption("Deletes the selfies and every image made from them. The counts stay. It cannot be undone.")
    label = "Finish deleting" if person.erasing else "Delete this person"
    if st.button(label, key=f"test_person_delete_{person.id}", icon=":material/delete:", width="stretch"):
        with operator_errors():
            _delete(desk, person, reason)


def _delete(desk: Desk, person: PersonView, reason: str) -> None:
    services = desk.services
    try:
        gone = delete_person(
            services.database, services.objects, actor=desk.actor, person_id=person.id, reason=reason
        )
    except (StillKept, ServiceUnavailable) as exc:
        # Told by the next run, which shows the face no more.
        st.session_state[PROBLEM] = str(exc)
    else:
        flash(f"Deleted, with {count(gone, 'stored picture')}")
    st.rerun()


def _badge(person: PersonView) -> str:
    if person.deleted_at is not None:
        return ":gray-badge[Deleted]"
    if person.erasing:
        return ":red-badge[Deletion not finished]"
    if person.source == "import" and not person.agreed:
        return ":gray-badge[:material/upload_file: Imported: nothing is drawn of them]"
    return ":green-badge[Agreed]" if person.agreed else ":orange-badge[No consent now]"


def _taken(content: bytes, name: str) -> Selfie:
    try:
        return take_in(content, name)
    except OperatorError as exc:
        raise type(exc)(f"{name}: {exc}") from exc
