"""Test sets: each with its newest version; a new one or a new version is chosen from who agreed."""

from collections.abc import Sequence

import streamlit as st

from core.access.permissions import Permission
from core.foundation.wording import count
from core.images.addresses import Picture, Shown, Size
from core.testsets.people import PersonView
from core.testsets.sets import TAGS, Member, SetView, create_set, members_of, new_version
from pages.shared.changing import changing
from pages.shared.pictures import show_picture
from pages.shared.start import Desk, plain, refusal

SET = "set"
NEW = "new"
PER_ROW = 6
ALL_TAGS = [tag for tags in TAGS.values() for tag in tags]


def sets_view(desk: Desk, found: Sequence[SetView], everybody: Sequence[PersonView]) -> None:
    """The list, or the set that the address names."""
    asked = st.query_params.get(SET, "")
    chosen = next((each for each in found if str(each.id) == asked), None)
    if chosen is not None or asked == NEW:
        st.button(
            "All sets",
            key="test_sets_back",
            icon=":material/arrow_back:",
            type="tertiary",
            on_click=_open,
            args=("",),
        )
        _editor(desk, chosen, everybody)
        return
    no = refusal(desk.actor, Permission.EDIT_TEST_SETS)
    st.button(
        "New test set",
        key="test_sets_new",
        icon=":material/add:",
        type="primary",
        disabled=bool(no),
        help=no,
        on_click=_open,
        args=(NEW,),
    )
    if not found:
        st.info(
            "No test set yet. One holds up to 50 selfies of people who agreed; a change is a new version.",
            icon=":material/group:",
        )
    for each in found:
        with st.container(border=True):
            words, button = st.columns([5, 1], vertical_alignment="center")
            words.markdown(
                f"**{plain(each.name)}** :gray[version {each.number}, {count(each.selfies, 'selfie')}]  \n"
                f":small[:gray[{plain(each.description or each.note or 'No description')}]]"
            )
            button.button(
                "Open", key=f"test_set_{each.id}", width="stretch", on_click=_open, args=(str(each.id),)
            )


def _editor(desk: Desk, chosen: SetView | None, everybody: Sequence[PersonView]) -> None:
    key = f"{chosen.id}_{chosen.number}" if chosen else NEW
    members = {}
    if chosen is not None:
        with desk.services.database.transaction() as session:
            members = {each.selfie_id: each for each in members_of(session, chosen.version_id)}
        st.markdown(f"**{plain(chosen.name)}** :gray[version {chosen.number}]")
    no = refusal(desk.actor, Permission.EDIT_TEST_SETS)
    shown = [(selfie_id, person.name) for person in everybody for selfie_id in person.selfie_ids]
    if not shown:
        st.info("Nobody may be tested on yet. Add people first, under “People”.", icon=":material/group:")
        return
    picked: list[Member] = []
    for start in range(0, len(shown), PER_ROW):
        for place, (selfie_id, name) in zip(
            st.columns(PER_ROW), shown[start : start + PER_ROW], strict=False
        ):
            with place.container(border=True, gap="small"):
                show_picture(Shown(Picture.SELFIE, selfie_id), alt=f"Selfie of {name}", size=Size.SMALL)
                inside = st.checkbox(
                    f"{name}, no. {selfie_id}",
                    selfie_id in members,
                    key=f"test_in_{key}_{selfie_id}",
                    disabled=bool(no),
                )
                tags = st.multiselect(
                    "Tags",
                    ALL_TAGS,
                    list(members[selfie_id].tags) if selfie_id in members else [],
                    key=f"test_tags_{key}_{selfie_id}",
                    disabled=bool(no) or not inside,
                    label_visibility="collapsed",
                    placeholder="Tags",
                )
                if inside:
                    picked.append(Member(selfie_id, tags))
    if no:
        st.caption(plain(no))
        return
    _save(desk, chosen, picked, key)


def _save(desk: Desk, chosen: SetView | None, picked: Sequence[Member], key: str) -> None:
    words, send = st.columns([3, 1], vertical_alignment="bottom")
    if chosen is None:
        name = words.text_input("Name of the set", key=f"test_set_name_{key}")
        if send.button(
            f"Save with {count(len(picked), 'selfie')}",
            key=f"test_set_save_{key}",
            type="primary",
            width="stretch",
        ):
            with changing(desk, f"The test set {name.strip()} is there") as (session, actor):
                made = create_set(session, actor=actor, name=name, members=picked)
                st.query_params[SET] = str(made.test_set_id)
        return
    note = words.text_input("What this version changes", key=f"test_set_note_{key}")
    label = f"Save version {chosen.number + 1} with {count(len(picked), 'selfie')}"
    if send.button(label, key=f"test_set_save_{key}", type="primary", width="stretch"):
        with changing(desk, f"Version {chosen.number + 1} is there") as (session, actor):
            new_version(
                session,
                actor=actor,
                test_set_id=chosen.id,
                members=picked,
                note=note,
                after=chosen.version_id,
            )


def _open(number: str) -> None:
    if number:
        st.query_params[SET] = number
    else:
        st.query_params.pop(SET, None)
