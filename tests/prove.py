"""Every prover at full length, in parts: `python -m tests.prove [--minutes M]`.

The provers are the tests marked `prover` (tests/support/running/lengths.py); each is a part, and the state
machine of the ledger is 40 of them: 10,000 sequences. Each part that passes is written down with what it was
proven of (the code of core and the tests themselves); the next call goes on with the parts that are left. A
part that fails is shown and not written down.
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
DONE = ROOT / ".inkdesk" / "proven.txt"
# Proven with many seeds, instead of once.
MACHINE = "test_cases_and_credits_agree_with_plain_numbers"
MACHINE_RUNS = 40
PYTEST = (sys.executable, "-m", "pytest", "-q")
COLLECT = (*PYTEST, "--collect-only", "--no-header", "--no-summary", "-m", "prover")


@dataclasses.dataclass(frozen=True)
class Part:
    """One run of pytest: a test with all its parameters, and the seed of its dice."""

    test: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.test} with seed {self.seed}"

    def run(self, workers: int) -> bool:
        command = [*PYTEST, "-n", str(workers), "--timeout", "0", self.test]
        settings = {"INKDESK_PROVE": "full", "INKDESK_TEST_SEED": str(self.seed)}
        return subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=False).returncode == 0


def parts() -> Iterator[Part]:
    """All of them, the same ones in each call: the seeds are the parts' own numbers."""
    for test in provers():
        for number in range(MACHINE_RUNS if test.endswith(MACHINE) else 1):
            yield Part(test, 1 + 100 * number)


def provers() -> list[str]:
    """The tests that are marked so, each named once whatever its parameters. Raises CalledProcessError."""
    found = subprocess.run(COLLECT, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = (line.partition("[")[0] for line in found.splitlines() if "::" in line)
    return list(dict.fromkeys(names))


def proven_of() -> str:
    """What the parts are proofs of: a change of it makes all of them due again."""
    digest = hashlib.sha256()
    for folder in ("core", "tests"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".sql"}:
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def main() -> int:
    """Run what is not yet proven; 1 when a part failed."""
    asked = argparse.ArgumentParser(description="Every prover at full length, in parts")
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
