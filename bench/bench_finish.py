"""From the provider's end of a prediction to the stored avatar, with 50 in flight.

    python -m bench.bench_finish

Method: one worker with default settings in this process; PostgreSQL, object store and provider sandbox are
processes of their own on the same machine; the sandbox takes Replicate's time (10 to 19 s a prediction).
50 generations are asked for at once; each delay is the avatar's `stored_at` (the database's clock) less the
prediction's `completed_at` (the sandbox's clock, same machine). The rival in the same run: one GET per
prediction every 5 s, then the same checks and the same store. The bound is 3 s at p95.
"""

from sqlalchemy import select

from bench.support.desk import BenchDesk, bench_desk, spread
from bench.support.naive import EVERY_SECONDS, NaivePoller
from core.tables.generation import Avatar, RenderAttempt
from jobs.schedule import ticks
from jobs.ticker import Worker

IN_FLIGHT = 50


def main() -> None:
    with bench_desk() as desk:
        worker = Worker(desk.services, ticks(desk.services.settings))
        worker.start()
        for number in range(IN_FLIGHT):
            desk.ask(number)
        desk.wait_for(IN_FLIGHT)
        worker.stop()
        ours = delays(desk)
        rival = NaivePoller(desk)
        rival.run(IN_FLIGHT)
    print(f"provider's end to stored avatar, {len(ours)} of {IN_FLIGHT} in flight: {spread(ours)}")
    print(f"rival, one GET per prediction every {EVERY_SECONDS:.0f} s: {spread(rival.delays)}")
    ratio = sorted(rival.delays)[len(rival.delays) // 2] / sorted(ours)[len(ours) // 2]
    print(f"the rival's median is {ratio:.1f} times ours")


def delays(desk: BenchDesk) -> list[float]:
    """Seconds, one for each avatar."""
    with desk.services.database.transaction() as session:
        rows = session.execute(
            select(RenderAttempt.completed_at, Avatar.stored_at).join(
                Avatar, Avatar.attempt_id == RenderAttempt.id
            )
        ).all()
    return [(stored - completed).total_seconds() for completed, stored in rows if completed]


if __name__ == "__main__":
    main()
