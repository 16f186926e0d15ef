"""Embedded object store: rclone's S3 server over a folder of ours, on loopback, with keys of its own."""

import dataclasses
import json
import secrets
import shutil
import sys
from pathlib import Path

from core.foundation.errors import SetupError
from core.startup.children import Child
from core.startup.ports import free_port, listening


@dataclasses.dataclass(frozen=True)
class ObjectStoreAddress:
    """Where an S3 server is, and the key pair it takes."""

    endpoint: str
    access_key: str
    secret_key: str = dataclasses.field(repr=False)


class EmbeddedObjectStore:
    """One `rclone serve s3` over `folder`; its key pair stays the same for a home."""

    def __init__(self, folder: Path, run_folder: Path) -> None:
        self._folder = folder
        self._keys_file = run_folder / "s3-keys.json"
        self._child = Child("object store", run_folder)

    def start(self, port: int | None = None) -> ObjectStoreAddress:
        """Start it and wait until it listens. Raises SetupError."""
        rclone = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
        if rclone is None:
            raise SetupError("rclone is missing: install the pinned requirements (`make run` does)")
        self._folder.mkdir(parents=True, exist_ok=True)
        access_key, secret_key = self._keys()
        port = port or free_port()
        command = [rclone, "serve", "s3", str(self._folder), "--addr", f"127.0.0.1:{port}", "--no-cleanup"]
        # Given by environment, so that the keys do not stand in the process list.
        env = {"RCLONE_AUTH_KEY": f'"{access_key},{secret_key}"', "RCLONE_CONFIG": "/dev/null"}
        self._child.start(command, env=env)
        self._child.wait_until(lambda: listening(port))
        return ObjectStoreAddress(f"127.0.0.1:{port}", access_key, secret_key)

    def stop(self) -> None:
        self._child.stop()

    def _keys(self) -> tuple[str, str]:
        if not self._keys_file.exists():
            self._keys_file.parent.mkdir(parents=True, exist_ok=True)
            self._keys_file.touch(mode=0o600)
            pair = {"access_key": secrets.token_hex(10), "secret_key": secrets.token_hex(20)}
            self._keys_file.write_text(json.dumps(pair))
        pair = json.loads(self._keys_file.read_text())
        return pair["access_key"], pair["secret_key"]
