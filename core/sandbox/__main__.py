"""`python -m core.sandbox`: the sandbox as its own process."""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from core.sandbox.options import Options, new_token
from core.sandbox.server import RunningSandbox


def main() -> int:
    """Run until SIGTERM or SIGINT, or the end of standard input with `--exit-with-stdin`."""
    arguments = _parser().parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sandbox = RunningSandbox(
        port=arguments.port,
        files_port=arguments.files_port,
        token=arguments.token,
        time_scale=arguments.time_scale,
        retention=arguments.retention,
        enforce_limits=arguments.enforce_limits,
        echo_data_uris=not arguments.no_echo_data_uris,
        mix=arguments.mix,
        seed=arguments.seed,
        clock_skew=arguments.clock_skew,
    )
    with sandbox:
        if arguments.ready_file:
            _announce(arguments.ready_file, sandbox)
        if arguments.exit_with_stdin:
            threading.Thread(target=_watch_stdin, args=(stop,), daemon=True).start()
        stop.wait()
    # Threads that still draw for nobody must not delay the end.
    os._exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the API; 0 lets the system choose")
    parser.add_argument("--files-port", type=int, default=0, help="of the outputs; 0 lets the system choose")
    parser.add_argument(
        "--time-scale", type=float, default=1.0, help="0.01 makes everything 100 times as fast"
    )
    parser.add_argument(
        "--token", default=new_token(), help="given in the ready file; any r8_ token is accepted"
    )
    parser.add_argument("--ready-file", type=Path, help="receives the addresses as JSON once they answer")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when standard input ends")
    parser.add_argument(
        "--retention", type=float, default=Options.retention, help="scaled seconds that outputs stay"
    )
    parser.add_argument("--enforce-limits", action="store_true", help="answer 429 beyond Replicate's limits")
    parser.add_argument("--no-echo-data-uris", action="store_true", help="shorten data URIs in what is shown")
    parser.add_argument("--mix", type=_mix, default={}, help="faults by chance: e003=0.05,answer_lost=0.02")
    parser.add_argument(
        "--clock-skew", type=float, default=0.0, help="seconds that the provider's clock is ahead"
    )
    parser.add_argument("--seed", type=int, default=0, help="of chances and durations")
    return parser


def _mix(text: str) -> dict[str, float]:
    return {
        name: float(chance) for name, _, chance in (part.partition("=") for part in text.split(",") if part)
    }


def _announce(path: Path, sandbox: RunningSandbox) -> None:
    """Write the ready file in one step, readable by its owner only: it holds the token."""
    ready = {"api": sandbox.url, "files": sandbox.files_url, "token": sandbox.token, "pid": os.getpid()}
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(ready, file)
    draft.replace(path)


def _watch_stdin(stop: threading.Event) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
