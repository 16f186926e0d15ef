"""A new experiment: what is compared on whom, and what it costs, before anything is bought."""

import dataclasses
from collections.abc import Sequence
from decimal import Decimal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.access.permissions import Permission
from core.catalog.models import MODELS
from core.experiments.plan import MOST_REPEATS, Forecast, Wish, forecast_wish
from core.experiments.runs import create, start
from core.experiments.stages import create_plan
from core.experiments.stages_plan import Staging, forecast_plan
from core.experiments.variants import MOST_VARIANTS, Variant, override_words
from core.foundation.errors import OperatorError
from core.foundation.wording import dollars, duration
from core.prompts.judging import LONGEST_TEMPLATE
from core.prompts.rendering import VARIABLES, variables_in
from core.prompts.snippets import resolve
from core.prompts.views import Version, usable_versions
from core.testsets.sets import SetView, list_sets, members_of
from pages.experiments.address import back_to_list, go_to
from pages.experiments.overrides import AS_SAVED, combinations, override_row
from pages.experiments.staging import plan_figures, spending_choice, staging_fields
from pages.experiments.words import doubts, price
from pages.shared.changing import changing
from pages.shared.forms import form_key, renew_form
from pages.shared.start import Desk, plain, refusal

FORM = "experiments"
QUALITIES = (AS_SAVED, "low", "medium", "high")
DRAFTS = "experiments_drafts"
CAP = 5.0


def experiment_form(desk: Desk) -> None:
    """The form; its forecast follows every change."""
    back_to_list()
    with desk.services.database.transaction() as session:
        sets, versions = list_sets(session), usable_versions(session)
    if not sets:
        st.info(
            "An experiment needs a test set: selfies of people who agreed to tests. Make one first.",
            icon=":material/group:",
        )
        return
    choices, result = st.columns([3, 2], gap="large")
    with choices:
        wish, staging = _wish(desk, sets, versions)
    with result:
        _offer(desk, wish, staging)


def _wish(desk: Desk, sets: Sequence[SetView], versions: Sequence[Version]) -> tuple[Wish, Staging | None]:
    name = st.text_input(
        "Name", key="experiments_name", max_chars=80, placeholder="What do you want to know?"
    )
    chosen = st.selectbox(
        "Test set",
        sets,
        key="experiments_set",
        format_func=lambda each: f"{each.name} v{each.number} ({each.selfies} selfies)",
    )
    selfies = _selfies(desk, chosen)
    by_id = {each.id: each for each in versions}
    ids = st.multiselect(
        "Prompt versions",
        list(by_id),
        key="experiments_versions",
        max_selections=MOST_VARIANTS,
        format_func=lambda each: _title(by_id[each]),
        placeholder="Choose what to compare",
    )
    staged = spending_choice()
    qualities = [AS_SAVED] if staged else _qualities()
    with st.container(gap="xsmall"):
        columns = [column for each in ids for column in _columns(by_id[each], qualities)]
    drafts = _drafts(desk, staged=staged)
    values = _values(desk, [by_id[each].resolved for each in ids] + [each.template for each in drafts])
    variants = [dataclasses.replace(each, values=values) for each in (*columns, *drafts)]
    staging = staging_fields(len(variants)) if staged else None
    left, right = st.columns(2)
    repeats = left.number_input("Samples in each cell", 1, MOST_REPEATS, 1, key="experiments_samples")
    cap = right.number_input("Cap in $", 0.01, 10_000.0, CAP, step=1.0, key="experiments_cap")
    wish = Wish(
        name=name or "",
        test_set_version_id=chosen.version_id,
        variants=variants,
        budget_usd=Decimal(str(cap)).quantize(Decimal("0.0001")),
        repeats=repeats,
        selfie_ids=selfies,
        own_key=desk.services.settings.own_openai_key,
    )
    return wish, staging


def _qualities() -> list[str]:
    return st.pills(
        "Qualities",
        QUALITIES,
        key="experiments_qualities",
        selection_mode="multi",
        default=[AS_SAVED],
        help="Each version is drawn in each of these.",
    ) or [AS_SAVED]


def _columns(version: Version, qualities: Sequence[str]) -> list[Variant]:
    """The variants of one version: each quality with each combination of what else is overridden."""
    others = override_row(
        f"experiments_override_{version.id}", version.title, version.model, version.parameters
    )
    return [
        Variant(version_id=version.id, overrides={**quality, **each})
        for quality in combinations({"quality": qualities}, version.parameters)
        for each in others
    ]


def _title(version: Version) -> str:
    return " · ".join([version.title, *version.labels])


def _selfies(desk: Desk, chosen: SetView) -> list[int] | None:
    """Some of the set; None for all of it."""
    with desk.services.database.transaction() as session:
        names = {
            each.selfie_id: f"{each.position}. {each.name}"
            for each in members_of(session, chosen.version_id)
            if each.usable
        }
    some = st.multiselect(
        "Selfies",
        list(names),
        key=f"experiments_selfies_{chosen.version_id}",
        format_func=names.__getitem__,
        placeholder=f"All {len(names)}",
    )
    return some or None


def _drafts(desk: Desk, *, staged: bool) -> list[Variant]:
    number: int = st.session_state.setdefault(DRAFTS, 0)
    drafts = []
    for index in range(1, number + 1):
        with st.container(border=True):
            template = st.text_area(
                f"Draft {index}", key=f"experiments_draft_{index}", max_chars=LONGEST_TEMPLATE, height=120
            )
            left, right = st.columns(2)
            model = left.selectbox(
                "Model",
                list(MODELS),
                key=f"experiments_model_{index}",
                index=list(MODELS).index(desk.services.settings.model),
            )
            # In stages the plan says the quality.
            quality = {} if staged else {"quality": _quality(right, index)}
            # What a draft does not override is drawn with the model's presets.
            presets = {each.name: each.preset for each in MODELS[model].parameters}
            others = override_row(f"experiments_override_draft_{index}", "Everything else", model, presets)
            drafts += [
                Variant(
                    template=template or "",
                    model=model,
                    overrides={**quality, **each},
                    label=" · ".join([f"Draft {index}", *override_words({**quality, **each})]),
                )
                for each in others
            ]
    with st.container(horizontal=True):
        if number < MOST_VARIANTS:
            st.button(
                "Add an unsaved draft",
                key="experiments_add_draft",
                type="tertiary",
                icon=":material/add:",
                on_click=_count_drafts,
                args=(1,),
            )
        if number:
            st.button(
                "Take the last draft out",
                key="experiments_drop_draft",
                type="tertiary",
                icon=":material/remove:",
                on_click=_count_drafts,
                args=(-1,),
            )
    return drafts


def _quality(place: DeltaGenerator, index: int) -> str:
    return str(place.selectbox("Quality", QUALITIES[1:], key=f"experiments_quality_{index}"))


def _count_drafts(more: int) -> None:
    st.session_state[DRAFTS] = max(st.session_state.get(DRAFTS, 0) + more, 0)


def _values(desk: Desk, templates: Sequence[str]) -> dict[str, str]:
    """A field for each variable that has no default of the desk's own."""
    names: dict[str, None] = {}
    with desk.services.database.transaction() as session:
        for template in templates:
            try:
                asked = variables_in(resolve(session, template))
            except OperatorError:
                continue  # what is wrong with it is told beside the price
            names |= dict.fromkeys(name for name in asked if name not in VARIABLES)
    return {name: st.text_input(name, key=f"experiments_value_{name}") or "" for name in names}


def _offer(desk: Desk, wish: Wish, staging: Staging | None) -> None:
    """What it would be, and the buttons that say what they spend."""
    if not wish.variants:
        st.info("Choose prompt versions, or add a draft; the price appears here.", icon=":material/sell:")
        return
    # The price does not wait for the name.
    named = wish if wish.name.strip() else dataclasses.replace(wish, name="New")
    try:
        found = _figures(desk, named, staging)
    except OperatorError as exc:
        st.error(plain(str(exc)), icon=":material/edit_off:")
        return
    no = refusal(desk.actor, Permission.RUN_EXPERIMENTS)
    if not wish.name.strip():
        no = no or "Give it a name first."
    key = form_key(FORM)
    what = f"Start with {staging.qualities[0]}" if staging else "Start"
    go = st.button(
        plain(f"{what}: {price(found)}"),
        key=f"experiments_create_{key}",
        type="primary",
        icon=":material/play_arrow:",
        disabled=bool(no),
        help=no,
        width="stretch",
    )
    keep = st.button(
        "Save without starting", key=f"experiments_save_{key}", disabled=bool(no), help=no, width="stretch"
    )
    if go or keep:
        _create(desk, wish, staging, found, go=go)


def _figures(desk: Desk, wish: Wish, staging: Staging | None) -> Forecast:
    """Show what it would be; the forecast of what the start buys. Raises what is wrong with the wish."""
    settings = desk.services.settings
    with desk.services.database.transaction() as session:
        plan = None if staging is None else forecast_plan(session, settings, wish, staging)
        found = forecast_wish(session, settings, wish) if plan is None else plan.first
    if plan is None or staging is None:
        _prices(found, wish)
    else:
        plan_figures(plan, wish, staging)
    return found


def _prices(found: Forecast, wish: Wish) -> None:
    with st.container(border=True):
        first, second = st.columns(2)
        first.metric("New images", f"{found.new:,}", help="Bought from the provider.")
        second.metric("Owned already", f"{found.owned:,}", help="Bought before; they cost nothing again.")
        first.metric("Price", plain(dollars(found.usd)))
        second.metric("Takes about", duration(found.takes) if found.takes is not None else "not known yet")
        st.caption(
            plain(
                f"Cap of this experiment {dollars(wish.budget_usd)}; the day's cap over all experiments "
                f"leaves {dollars(found.day_left)}."
            )
        )
        for each in doubts(found):
            st.warning(plain(each), icon=":material/warning:")


def _create(desk: Desk, wish: Wish, staging: Staging | None, found: Forecast, *, go: bool) -> None:
    with changing(desk, "Running" if go else "Saved") as (session, actor):
        if staging is None:
            made = create(session, actor=actor, wish=wish)
        else:
            made = create_plan(session, actor=actor, wish=wish, staging=staging)
        if go:
            start(session, desk.services.settings, actor=actor, experiment_id=made.id, most_usd=found.usd)
        renew_form(FORM)
        go_to(made.id)
