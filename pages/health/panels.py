"""The parts of the Health page, each drawn from one look."""

from datetime import tzinfo

import streamlit as st

from core.foundation.errors import OperatorError
from core.foundation.wording import UNKNOWN, count, duration, moment
from core.health.crew import WorkerHealth
from core.health.provider import Freshness
from core.health.servers import prove_store
from core.health.view import Health
from core.tables.generation import State
from pages.health import words
from pages.health.words import REQUESTS, SWEEPS, quick, size, tick_title
from pages.shared.badges import badge
from pages.shared.start import Desk, plain

STATES = {
    "alive": ":green-badge[Alive]",
    "silent": ":red-badge[Silent]",
    "stopped": ":gray-badge[Stopped]",
}


def troubles(seen: Health) -> None:
    """What is wrong now, or that nothing is."""
    found = words.troubles(seen)
    for sentence in found:
        st.error(plain(sentence), icon=":material/error:")
    if not found:
        stuck = f", {count(seen.stuck.total, 'generation')} stuck" if seen.stuck.total else ""
        st.success(
            f"Workers, provider, database and object store work{stuck}.", icon=":material/check_circle:"
        )


def figures(seen: Health) -> None:
    """The figures of the moment."""
    store = seen.store
    values = {
        "Workers alive": f"{seen.alive:,} of {seen.alive + len(seen.missed):,}",
        "Stuck": f"{seen.stuck.total:,}",
        "Due work waits": duration(seen.lag) if seen.lag else "No",
        "Since last sweep": duration(seen.sweep.ago),
        "Database": quick(seen.database.round_trip),
        "Object store": UNKNOWN if store is None else "Away" if store.problem else quick(store.took),
    }
    with st.container(border=True):
        for place, (label, value) in zip(st.columns(len(values)), values.items(), strict=True):
            place.metric(label, value)


def worker_table(seen: Health, zone: tzinfo) -> None:
    """Every worker, what it holds and how its ticks went."""
    st.markdown("**Workers**")
    if not seen.workers:
        st.caption("No worker was here in the last day.")
        return
    st.table([_worker(each, seen, zone) for each in seen.workers], border="horizontal", hide_index=True)
    for each in seen.workers:
        if each.alive and each.ticks:
            with st.expander(f"What {plain(each.worker.id)} does", icon=":material/timer:"):
                _ticks(each, seen)


def _worker(each: WorkerHealth, seen: Health, zone: tzinfo) -> dict[str, str]:
    worker = each.worker
    names = ", ".join(f"{number:,}" for number in each.leases)
    more = f" and {each.held - len(each.leases):,} more" if each.held > len(each.leases) else ""
    return {
        "State": STATES[worker.state],
        "Worker": f"{plain(worker.host)}  \n:small[:gray[{plain(worker.id)}]]",
        "Version": plain(worker.version),
        "Since": moment(worker.started_at, zone, today=seen.now),
        "Last sign": f"{duration(each.silent_for)} ago",
        "Leases": f"{each.held:,}  \n:small[:gray[No. {names}{more}]]" if each.held else "0",
        "Only it does": plain(", ".join(each.duties)) or UNKNOWN,
        "Late writes refused": f"{worker.fenced_writes:,}",
    }


def _ticks(each: WorkerHealth, seen: Health) -> None:
    lines = [
        {
            "Tick": tick_title(tick.name),
            "Last run": f"{duration(seen.now - tick.ran_at)} ago",
            "Took": duration(tick.took),
            "Last success": f"{duration(seen.now - tick.succeeded_at)} ago" if tick.succeeded_at else UNKNOWN,
            "Problem": plain(tick.problem or UNKNOWN),
        }
        for tick in each.ticks
    ]
    st.table(lines, border="horizontal", hide_index=True)


def queue(seen: Health) -> None:
    """How many stand where, and since when."""
    st.markdown("**Queue by state**")
    lines = [
        {
            "State": badge(each.state),
            "Count": f"{each.count:,}",
            "Oldest": duration(each.oldest),
            "With a worker": UNKNOWN if each.state in (State.QUEUED, State.RENDERING) else f"{each.held:,}",
            "Due": UNKNOWN if each.state in (State.SUBMITTING, State.RENDERING) else f"{each.due:,}",
            "Waiting for": duration(each.lag),
        }
        for each in seen.queue
    ]
    st.table(lines, border="horizontal", hide_index=True)


def budgets(seen: Health) -> None:
    """How near we are to the provider's limits, and how well its list is read."""
    st.markdown("**Requests to the provider**")
    for each in seen.budgets:
        paused = f" :orange-badge[paused for {duration(each.paused_for)}]" if each.paused_for else ""
        slowed = f", slowed down {count(each.pauses, 'time')} so far" if each.pauses else ""
        used = f"{each.used:,} of {each.allowed:,} in the last minute{slowed}"
        st.progress(each.share, f"{REQUESTS[each.kind]}{paused} :small[:gray[{used}]]")
    colour = "red" if seen.sweep.freshness is Freshness.LATE else "green"
    waiting = count(seen.sweep.waiting, "prediction")
    st.markdown(f"Sweep :{colour}-badge[{SWEEPS[seen.sweep.freshness]}] :small[:gray[{waiting} looked for]]")
    colour, word, details = words.clock_state(seen.clock)
    st.markdown(f"Provider's clock :{colour}-badge[{word}] :small[:gray[{details}]]")


def servers(desk: Desk, seen: Health) -> None:
    """Database and object store."""
    st.markdown("**Servers and notifications**")
    database, store = seen.database, seen.store
    lines = {
        "PostgreSQL": f"{database.version}, {size(database.size_bytes)}",
        "Connections": f"{database.connections:,} of {database.most_connections:,}",
    }
    if store is None:
        lines["Object store"] = "No worker has told yet"
    else:
        state = ":red-badge[Away]" if store.problem else ":green-badge[Works]"
        lines["Object store"] = f"{state} :small[:gray[seen {duration(seen.now - store.seen_at)} ago]]"
    lines["Notifications"] = _outbox(seen)
    st.table(lines, border="horizontal", hide_header=True)
    if st.button("Try the object store from here", key="health_prove", icon=":material/network_check:"):
        try:
            took = prove_store(desk.services.objects, name=f"desk-{desk.actor.id}")
        except OperatorError as exc:
            st.toast(plain(str(exc)), icon=":material/error:")
        else:
            st.toast(f"Stored, read and deleted in {duration(took)}", icon=":material/check_circle:")


def _outbox(seen: Health) -> str:
    if not seen.outbox.waiting:
        return "None waits"
    tried = f", tried {count(seen.outbox.most_tries, 'time')} so far" if seen.outbox.most_tries else ""
    oldest = f"the oldest for {duration(seen.outbox.oldest)}{tried}"
    return f"{count(seen.outbox.waiting, 'delivery', 'deliveries')} :small[:gray[{oldest}]]"
