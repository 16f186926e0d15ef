"""The proofs of the ledger at full length, in parts: `python -m tests.ledger_long [--minutes M]`.

10,000 sequences of the state machine, every pair of switches of the interleaving search, 100,000 calls on
1,000 keys, and the long storm. Each part that passes is written down with what it was proven of (the code of
core and the tests themselves); the next call goes on with the parts that are left. A part that fails is shown
and not written down.
"""

import argparse
import dataclasses
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
DONE = ROOT / ".inkdesk" / "ledger-long.txt"
MACHINE = "tests/integration/test_case_machine.py"
ORDERS = "tests/integration/test_case_interleavings.py"
STORM = "tests/chaos/test_refund_storm.py"
SEQUENCES, AT_ONCE = 10_000, 250


@dataclasses.dataclass(frozen=True)
class Part:
    """One run of pytest. `name` is what is written down when it has passed."""

    name: str
    test: str
    settings: dict[str, str]

    def run(self, workers: int) -> bool:
        command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--timeout", "0", self.test]
        return subprocess.run(command, cwd=ROOT, env=os.environ | self.settings, check=False).returncode == 0


def parts() -> Iterator[Part]:
    """All of them, the same ones in each call: the machine's seeds are the parts' own numbers."""
    for test in (*tests_of(ORDERS), *tests_of(STORM)):
        yield Part(test, test, {"INKDESK_INTERLEAVINGS": "all", "INKDESK_STORM": "long"})
    for number in range(SEQUENCES // AT_ONCE):
        first = 1 + 100 * number
        settings = {"INKDESK_LEDGER_SEQUENCES": str(AT_ONCE), "INKDESK_LEDGER_SEED": str(first)}
        yield Part(f"{AT_ONCE} sequences from seed {first}", MACHINE, settings)


def tests_of(file: str) -> list[str]:
    lines = (ROOT / file).read_text().splitlines()
    return [f"{file}::{line[4:].partition('(')[0]}" for line in lines if line.startswith("def test_")]


def proven_of() -> str:
    """What the parts are proofs of: a change of it makes all of them due again."""
    digest = hashlib.sha256()
    code = (path for path in (ROOT / "core").rglob("*") if path.suffix in {".py", ".sql"})
    for path in sorted([*code, *(ROOT / file for file in (MACHINE, ORDERS, STORM))]):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def main() -> int:
    asked = argparse.ArgumentParser(description="The proofs of the ledger at full length, in parts")
    asked.add_argument("--minutes", type=float, default=float("inf"), help="begin no part after so long")
    asked.add_argument("--workers", type=int, default=2)
    given = asked.parse_args()
    began, code = time.monotonic(), proven_of()
    DONE.parent.mkdir(parents=True, exist_ok=True)
    done = set(DONE.read_text().splitlines()) if DONE.exists() else set()
    left = [part for part in parts() if f"{code} {part.name}" not in done]
    failed = []
    while left and time.monotonic() - began < given.minutes * 60:
        part = left.pop(0)
        sys.stdout.write(f"{part.name}\n")
        sys.stdout.flush()
        if not part.run(given.workers):
            failed.append(part.name)
            continue
        with DONE.open("a") as file:
            file.write(f"{code} {part.name}\n")
    sys.stdout.write(f"Failed: {', '.join(failed) or 'none'}. Left for the next call: {len(left)}.\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
