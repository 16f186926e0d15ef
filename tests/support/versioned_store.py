"""A second make of object store: moto's server, whose buckets have versions and object lock."""

import contextlib
import logging
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.retention import Retention
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from core.settings import Settings
from core.storage.objects import ObjectStore

ACCESS, SECRET = "an-access-key", "a-secret-key"


class VersionedStore:
    """A bucket of its own; `versions` tells what really lies there."""

    def __init__(self, endpoint: str, *, versioned: bool = True) -> None:
        self.bucket = f"b-{uuid.uuid4().hex[:20]}"
        self.client = Minio(
            endpoint=endpoint, access_key=ACCESS, secret_key=SECRET, secure=False, region="us-east-1"
        )
        self.client.make_bucket(bucket_name=self.bucket, object_lock=versioned)
        self.settings = {
            "s3_endpoint": endpoint,
            "s3_access_key": ACCESS,
            "s3_secret_key": SecretStr(SECRET),
            "s3_secure": False,
            "s3_bucket": self.bucket,
        }
        self.objects = ObjectStore.from_settings(Settings().model_copy(update=self.settings))

    def versions(self, prefix: str = "") -> list[tuple[str, bool]]:
        """The key of everything that lies there, and whether it is a delete marker."""
        found = self.client.list_objects(
            bucket_name=self.bucket, prefix=prefix, recursive=True, include_version=True
        )
        return sorted((str(each.object_name), bool(each.is_delete_marker)) for each in found)

    def numbers(self, key: str) -> list[str]:
        """The versions of a key that hold bytes."""
        found = self.client.list_objects(
            bucket_name=self.bucket, prefix=key, recursive=True, include_version=True
        )
        return [str(each.version_id) for each in found if not each.is_delete_marker]

    def lock(self, key: str, version: str) -> datetime:
        """Lock a version for a day; until when."""
        until = datetime.now(UTC) + timedelta(days=1)
        self.client.set_object_retention(
            bucket_name=self.bucket,
            object_name=key,
            version_id=version,
            config=Retention(mode=COMPLIANCE, retain_until_date=until),
        )
        return until

    def hold(self, key: str, version: str) -> None:
        self.client.enable_object_legal_hold(bucket_name=self.bucket, object_name=key, version_id=version)

    def lift(self, key: str, version: str) -> None:
        self.client.disable_object_legal_hold(bucket_name=self.bucket, object_name=key, version_id=version)


@contextlib.contextmanager
def versioned_server() -> Iterator[str]:
    """The endpoint of a running server."""
    # It says every request aloud.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"{host}:{port}"
    finally:
        server.stop()
