"""The embedded provider: the sandbox as a process of its own, reached over HTTP like the real one."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from core.provider.sandbox_address import SandboxAddress
from core.startup.children import Child


class EmbeddedSandbox:
    """One sandbox process; it ends by itself when we die, because it watches its standard input."""

    def __init__(self, run_folder: Path, *, time_scale: float = 1.0) -> None:
        self._ready_file = run_folder / "sandbox-ready.json"
        self._time_scale = time_scale
        self._child = Child("sandbox", run_folder)

    def start(self) -> SandboxAddress:
        """Start it and wait until it listens. Raises SetupError."""
        self._ready_file.unlink(missing_ok=True)
        arguments = ["--port", "0", "--files-port", "0", "--exit-with-stdin"]
        arguments += ["--time-scale", str(self._time_scale), "--ready-file", str(self._ready_file)]
        source = Path(__file__).parents[2]
        self._child.start([sys.executable, "-m", "core.sandbox", *arguments], env={"PYTHONPATH": str(source)})
        self._child.wait_until(self._said_ready)
        said = json.loads(self._ready_file.read_text())
        return SandboxAddress(said["api"], urlsplit(said["files"]).netloc, said["token"])

    def stop(self) -> None:
        self._child.stop()

    def _said_ready(self) -> bool:
        try:
            return bool(json.loads(self._ready_file.read_text()))
        except (FileNotFoundError, ValueError):
            return False
