"""The door to the object store, and the only user of `minio`."""

import io
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from core.errors import NotFound, ServiceUnavailable
from core.settings import Settings

T = TypeVar("T")
PROOF = b"Inkdesk was here."
OWNED = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")
# Codes that are an answer to what was asked; any other means that the store cannot be used now.
ANSWERS = (*OWNED, "NoSuchKey", "NoSuchBucket")


class ObjectStore:
    """Objects of one bucket. Every method raises ServiceUnavailable when the store does not answer."""

    def __init__(self, client: Minio, bucket: str, pool: urllib3.PoolManager) -> None:
        self._client = client
        self._bucket = bucket
        self._pool = pool

    @classmethod
    def from_settings(cls, settings: Settings) -> "ObjectStore":
        secret = settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else None
        # No retries here: the engine tries again with its own clock, and a page must not hang.
        http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=3, read=20), retries=False, maxsize=settings.worker_threads + 4
        )
        client = Minio(
            settings.s3_endpoint or "",
            access_key=settings.s3_access_key,
            secret_key=secret,
            secure=settings.s3_secure,
            region=settings.s3_region or "us-east-1",
            http_client=http,
        )
        return cls(client, settings.s3_bucket, http)

    def close(self) -> None:
        """Give the connections back."""
        self._pool.clear()

    def ensure_bucket(self) -> None:
        """Make the bucket where it is missing."""
        try:
            self._call(lambda: self._client.make_bucket(bucket_name=self._bucket))
        except MinioException as exc:
            if _code(exc) not in OWNED:
                raise

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object whole; storing the same again changes nothing."""
        self._call(
            lambda: self._client.put_object(
                bucket_name=self._bucket,
                object_name=key,
                data=io.BytesIO(content),
                length=len(content),
                content_type=content_type,
            )
        )

    def put_new(self, key: str, content: bytes, content_type: str) -> bool:
        """Store an object that is never written over: False when other bytes lie there already.

        Two that write at once both see nothing; a bucket with object lock keeps even the first version then.
        """
        try:
            return self.get(key) == content
        except NotFound:
            self.put(key, content, content_type)
            return True

    def keys(self, prefix: str, *, after: str | None = None) -> Iterator[str]:
        """Every key that begins so, in order; only those behind `after`."""
        pages = self._client.list_objects(
            bucket_name=self._bucket, prefix=prefix, recursive=True, start_after=after
        )
        while (found := self._call(lambda: next(pages, None))) is not None:
            key = str(found.object_name)
            if after is None or key > after:
                yield key

    def get(self, key: str) -> bytes:
        """The object's bytes. Raises NotFound when there is none under this key."""
        try:
            return self._call(lambda: self._read(key))
        except MinioException as exc:
            if _code(exc) in ("NoSuchKey", "NoSuchBucket"):
                raise NotFound("The picture is no longer in the object store.") from exc
            raise

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is no error."""
        self._call(lambda: self._client.remove_object(bucket_name=self._bucket, object_name=key))

    def answers(self) -> bool:
        """Whether the store answers at all."""
        try:
            self._call(self._client.list_buckets)
        except (ServiceUnavailable, MinioException):
            return False
        return True

    def prove(self, key: str) -> None:
        """Store, read back and delete a tiny object. Raises ServiceUnavailable with what did not work."""
        try:
            self.put(key, PROOF, "text/plain")
            same = self.get(key) == PROOF
            self.delete(key)
        except MinioException as exc:
            raise _down(f"it said {_code(exc) or type(exc).__name__}") from exc
        except NotFound as exc:
            raise _down("what was stored is not there") from exc
        if not same:
            raise _down("it gives back other bytes than were stored")

    def _read(self, key: str) -> bytes:
        response = self._client.get_object(bucket_name=self._bucket, object_name=key)
        try:
            content: bytes = response.read()
            return content
        finally:
            response.close()
            response.release_conn()

    @staticmethod
    def _call(act: Callable[[], T]) -> T:
        try:
            return act()
        except MinioException as exc:
            if _code(exc) in ANSWERS:
                raise
            raise _down(f"it said {_code(exc) or type(exc).__name__}") from exc
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise _down("nobody answers at its address") from exc


def _code(exc: MinioException) -> str | None:
    """The S3 error code; servers that call XML `text/xml` make the client hide it in the message."""
    if isinstance(exc, S3Error):
        return exc.code
    hidden = re.search(r"<Code>(\w+)</Code>", str(exc))
    return hidden.group(1) if hidden else None


def _down(why: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"The object store cannot be used ({why}). Nothing was lost; try again in a moment."
    )
