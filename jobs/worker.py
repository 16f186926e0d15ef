"""`python -m jobs.worker`: one worker alone, beside the app or on another machine."""

import signal
import sys
import threading

from core.foundation.errors import SetupError
from core.foundation.logs import set_up_logging
from core.services import open_services
from core.settings import load_or_exit
from core.startup.embedded import embedded_or_joined
from core.startup.prepare import prepare
from jobs.memory import share_arenas
from jobs.schedule import ticks
from jobs.ticker import Worker


def main() -> int:
    """Run one worker until SIGTERM or Ctrl-C."""
    share_arenas()
    settings = load_or_exit()
    set_up_logging()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    try:
        with embedded_or_joined(settings) as whole:
            services = open_services(whole)
            prepare(services)
            worker = Worker(services, ticks(whole))
            worker.start()
            done.wait()
            worker.stop()
            services.close()
    except SetupError as exc:
        sys.stderr.write(f"The worker cannot start. {exc}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
