"""A provider of fixed latency and real size, as a process: 2 s an image, 1.5 MB each.

    python -m bench.support.slow_sandbox READY_FILE

It ends with its standard input.
"""

import json
import os
import sys
from pathlib import Path

from core.sandbox.server import RunningSandbox

SECONDS = 2.0
BYTES = 1_500_000


def main() -> None:
    span = (SECONDS, SECONDS)
    with RunningSandbox(
        echo_data_uris=False, starting=(0.0, 0.0), processing=span, least_output_bytes=BYTES
    ) as sandbox:
        said = {"api": sandbox.url, "files": sandbox.files_url, "token": sandbox.token}
        Path(sys.argv[1]).write_text(json.dumps(said))
        sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
