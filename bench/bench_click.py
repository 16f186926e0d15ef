"""From the click to "queued", on the server: checked, priced, charged and queued in one transaction.

    python -m bench.bench_click

Method: embedded PostgreSQL with default (durable) settings, one connection, 200 requests of one customer,
each timed from the call to the end of its COMMIT, after ten to warm up. The rival, in turns with it: one
plain INSERT of a row with the same prompt in a transaction of its own. The bound is 300 ms.
"""

import time
import uuid
from collections.abc import Callable

from sqlalchemy import text

from bench.support.desk import BenchDesk, bench_desk, spread

REQUESTS = 200
WARM_UP = 10


def main() -> None:
    with bench_desk() as desk:
        with desk.services.database.transaction() as session:
            session.execute(
                text(
                    "CREATE TABLE rival (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
                    " request_key text UNIQUE, prompt text, created_at timestamptz DEFAULT now())"
                )
            )
        requests, inserts = [], []
        for number in range(WARM_UP + REQUESTS):
            requests.append(timed(desk.ask))
            inserts.append(timed(lambda: insert(desk)))
            if number < WARM_UP:
                requests.clear()
                inserts.clear()
    print(f"request of a charged generation, {REQUESTS} times: {spread(requests)}")
    print(f"rival, one plain INSERT, in turns with it:  {spread(inserts)}")
    print(f"ratio of the medians: {sorted(requests)[REQUESTS // 2] / sorted(inserts)[REQUESTS // 2]:.1f}")


def insert(desk: BenchDesk) -> None:
    given = {"key": uuid.uuid4().hex, "prompt": desk.wish().template}
    with desk.services.database.transaction() as session:
        session.execute(text("INSERT INTO rival (request_key, prompt) VALUES (:key, :prompt)"), given)


def timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
