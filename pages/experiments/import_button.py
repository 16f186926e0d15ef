"""Importing an export: one file, checked whole before anything of it stays."""

import streamlit as st

from core.access.permissions import Permission
from core.exports.imports import import_experiment
from pages.experiments.address import go_to_import
from pages.shared.forms import form_key, renew_form
from pages.shared.start import Desk, flash, operator_errors, refusal

FORM = "experiment_import"
# 600 images of a megabyte; the file is in memory while it is read.
LARGEST_MB = 640


def import_button(desk: Desk) -> None:
    """The button that opens the form."""
    no = refusal(desk.actor, Permission.RUN_EXPERIMENTS)
    with st.popover("Import", icon=":material/upload_file:", disabled=bool(no), help=no):
        if not no:
            _form(desk)


def _form(desk: Desk) -> None:
    key = form_key(FORM)
    file = st.file_uploader(
        "ZIP or JSON of an experiment", key=f"experiments_import_{key}", max_upload_size=LARGEST_MB
    )
    st.caption(
        "It is shown as it was, and can buy nothing. Nobody in it agreed to tests here: their selfies are "
        "pictures of this experiment alone, and each person can be deleted under Test sets, People."
    )
    if (
        st.button(
            "Import",
            key=f"experiments_import_send_{key}",
            type="primary",
            width="stretch",
            disabled=file is None,
        )
        and file is not None
    ):
        with operator_errors():
            services = desk.services
            with st.spinner("Every image is checked"):
                number = import_experiment(
                    services.database, services.objects, actor=desk.actor, file=file, token=key
                )
            renew_form(FORM)
            flash("Imported")
            go_to_import(number)
            st.rerun()
