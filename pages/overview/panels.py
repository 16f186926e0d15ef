"""The parts of the overview, each drawn from one look at the desk."""

from datetime import tzinfo

import streamlit as st

from core.desks.generations.notices import Level
from core.desks.generations.overview import Overview
from core.desks.generations.views import GenerationRow
from core.foundation.wording import UNKNOWN, count, duration, moment
from core.images.miniatures import STRIP_SIDE, miniatures_of
from core.storage.objects import ObjectStore
from pages.overview.figure import outcomes_per_hour
from pages.shared.badges import COLOURS, ICONS, badge
from pages.shared.links import page_link
from pages.shared.start import plain

TILE_PIXELS = 128  # eight of them fill the page on a screen of 1440
PICTURE_PIXELS = 100
LONGEST_NAME = 15
REQUESTS = {"create": "new predictions", "read": "looking after predictions"}


def troubles(seen: Overview) -> None:
    """What needs somebody now."""
    if not seen.workers_alive:
        waiting = seen.queued + seen.in_flight
        st.error(
            f"No worker is running, so nothing moves ({count(waiting, 'generation')} waiting). "
            "Start one: `make worker`.",
            icon=":material/engineering:",
        )
    for pause in seen.pauses:
        st.warning(
            f"The provider asked us to slow down: {REQUESTS.get(pause.kind, pause.kind)} go on in "
            f"{duration(pause.left)}, by themselves.",
            icon=":material/pause_circle:",
        )
    for notice in seen.notices:
        if notice.level is Level.WARNING:
            st.warning(f"**{notice.title}.** {plain(notice.text)}", icon=":material/warning:")


def numbers(seen: Overview) -> None:
    """The figures of the moment and of today."""
    rate = seen.today.success_rate
    oldest = max((each.oldest for each in seen.standings if each.oldest), default=None)
    now, today = st.columns(2)
    with now:
        _figures(
            "Now",
            {
                "Queued": f"{seen.queued:,}",
                "In flight": f"{seen.in_flight:,}",
                "Longest wait": duration(oldest),
            },
        )
    with today:
        _figures(
            "Today",
            {
                "Succeeded": f"{seen.today.succeeded:,}",
                "Failed": f"{seen.today.failed:,}",
                "Success rate": UNKNOWN if rate is None else f"{rate:.0%}",
            },
        )


def _figures(title: str, values: dict[str, str]) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{title}**")
        for place, (label, value) in zip(st.columns([1, 1, 1.3]), values.items(), strict=True):
            place.metric(label, value)


def first_steps() -> None:
    """What to do on the first day."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.subheader("Draw the first avatar", anchor=False, width="content")
        st.markdown(
            "Choose or add a customer, grant credits, take one of the sample selfies and press Generate. "
            "A minute later the avatar appears here.",
            width="content",
        )
        page_link("generate/page.py", "Go to Generate", icon=":material/draw:")
        st.space("small")


def latest_strip(objects: ObjectStore, seen: Overview) -> None:
    """The latest generations, newest at the left."""
    st.markdown("**Latest**")
    thumbnails = [row.thumbnail_key for row in seen.latest]
    pictures = miniatures_of(objects).uris(thumbnails, STRIP_SIDE, number=seen.erasures)
    with st.container(horizontal=True, wrap=False, gap="small", key="overview_latest"):
        for row in seen.latest:
            _tile(row, pictures.get(row.thumbnail_key or ""))


def _tile(row: GenerationRow, picture: str | None) -> None:
    with st.container(border=True, gap="xxsmall", width=TILE_PIXELS, horizontal_alignment="center"):
        if picture:
            st.image(picture, width="stretch", alt=f"Avatar of generation {row.id}")
        else:
            with st.container(
                height=PICTURE_PIXELS,
                border=False,
                horizontal_alignment="center",
                vertical_alignment="center",
            ):
                st.subheader(f":gray[{ICONS[row.state]}]", anchor=False, width="content")
        st.markdown(f":small[{plain(_short(row.customer))}]", width="content")
        st.markdown(f":{COLOURS[row.state]}[:small[{row.state.value.capitalize()}]]", width="content")
        page_link("generations/page.py", f"No. {row.id:,}", id=str(row.id))


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def outcomes(seen: Overview) -> None:
    """The last 24 hours."""
    ended = sum(hour.succeeded + hour.failed + hour.canceled for hour in seen.hours)
    st.markdown(f"**Outcomes of the last 24 hours** :gray[:small[{count(ended, 'generation')}]]")
    with st.container(border=True):
        st.plotly_chart(
            outcomes_per_hour(seen.hours),
            key="overview_outcomes",
            config={"displayModeBar": False},
            alt="Succeeded, failed and canceled generations per hour",
        )


def queue(seen: Overview) -> None:
    """How many stand where, and why today's failures failed."""
    st.markdown("**Queue by state**")
    lines = {
        badge(each.state): f"{each.count:,}"
        + (f" :gray[oldest {duration(each.oldest)}]" if each.oldest else "")
        for each in seen.standings
    }
    st.table(lines, border="horizontal", hide_header=True)
    st.markdown("**Why they failed today**")
    if seen.today.classes:
        reasons = {each.title: f"{each.count:,}" for each in seen.today.classes[:5]}
        st.table(reasons, border="horizontal", hide_header=True)
    else:
        st.caption("Nothing failed today.")


def setup(seen: Overview, zone: tzinfo) -> None:
    """Workers, and what is not configured."""
    workers, notices = st.columns([1, 1.7], gap="medium")
    with workers:
        st.markdown("**Workers**")
        running = [worker for worker in seen.workers if worker.state != "stopped"]
        for worker in running or seen.workers[:1]:
            mark = {"alive": ":green-badge[Alive]", "silent": ":red-badge[Silent]"}.get(
                worker.state, ":gray-badge[Stopped]"
            )
            ago = duration(seen.now - worker.beat_at)
            since = moment(worker.started_at, zone, today=seen.now)
            st.markdown(
                f"{mark} {plain(worker.host)} :small[:gray[process {worker.pid}, since {since}, "
                f"last sign {ago} ago]]"
            )
    with notices:
        st.markdown("**Good to know**")
        for notice in seen.notices:
            if notice.level is Level.INFO:
                named = f" :gray[`{notice.setting}`]" if notice.setting else ""
                st.markdown(f":material/info: **{notice.title}.** {plain(notice.text)}{named}")
