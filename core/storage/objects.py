"""The door to the object store, and the only user of `minio`."""

import io
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import urllib3
from minio import Minio
from minio.datatypes import Object
from minio.error import MinioException, S3Error

from core.foundation.errors import NotFound, ServiceUnavailable, StillKept
from core.settings import Settings
from core.storage.locks import Kept, told, why_kept

T = TypeVar("T")
PROOF = b"Inkdesk was here."
OWNED = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")
# Codes that are an answer to what was asked; any other means that the store cannot be used now.
ANSWERS = (*OWNED, "NoSuchKey", "NoSuchBucket")
# What a store says that knows no versions, such as the embedded one: what lies there is all there is.
NO_VERSIONS = ("NotImplemented", "MethodNotAllowed")
VERSIONED = ("Enabled", "Suspended")
# What a store says that does not let go of a version: AWS and Ceph the first, MinIO the others.
REFUSED = ("AccessDenied", "ObjectLocked", "InvalidRequest")
UNSEEN = (
    "Nobody can say whether the object store still keeps versions of what was to be deleted: the key in use "
    "may not list them. Give it s3:ListBucketVersions and s3:DeleteObjectVersion."
)
GONE = ("NoSuchKey", "NoSuchVersion", "NoSuchBucket")


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

    def delete(self, *places: str) -> int:
        """Remove objects with every version of them and every delete marker; how many there were.

        A place is a key, or with a slash at its end all keys that begin so. What is missing is no error. Goes
        through all of them; then raises StillKept if the store does not let go of some.
        """
        gone = [self._delete_place(place) for place in places]
        if kept := [each for _, some in gone for each in some]:
            raise StillKept(told(kept))
        return sum(number for number, _ in gone)

    def _delete_place(self, place: str) -> tuple[int, list[Kept]]:
        """How many objects went, and the versions that the store keeps."""
        found = [each for each in self._everything(place) if place.endswith("/") or each.object_name == place]
        kept = [each for each in found if not each.is_delete_marker and not self._let_go(each)]
        names = {str(each.object_name) for each in kept}
        # A marker goes last, and only where nothing is left below it: without it the picture would be back.
        for each in found:
            if each.is_delete_marker and each.object_name not in names:
                self._let_go(each)
        # Meanwhile what is kept is out of sight for whoever asks by its key alone.
        hidden = {each.object_name for each in found if each.is_delete_marker and each.is_latest == "true"}
        for name in names - hidden:
            self._hide(name)
        gone = {each.object_name for each in found if not each.is_delete_marker} - names
        return len(gone), [self._why(each) for each in kept]

    def _everything(self, place: str) -> list[Object]:
        """Every version and delete marker whose key begins so; of a store without versions its objects."""
        try:
            return self._listed(place, versions=True)
        except MinioException as exc:
            if _code(exc) not in NO_VERSIONS and self._may_have_versions():
                raise StillKept(UNSEEN) from exc
        return self._listed(place, versions=False)

    def _may_have_versions(self) -> bool:
        """Whether the bucket has versions, or did not say."""
        try:
            config = self._call(lambda: self._client.get_bucket_versioning(bucket_name=self._bucket))
        except (ServiceUnavailable, MinioException):
            return True
        return config.status in VERSIONED

    def _listed(self, place: str, *, versions: bool) -> list[Object]:
        listing = self._client.list_objects(
            bucket_name=self._bucket, prefix=place, recursive=True, include_version=versions
        )
        answers = (*ANSWERS, *NO_VERSIONS, *REFUSED) if versions else ANSWERS
        try:
            return self._call(lambda: list(listing), answers)
        except MinioException as exc:
            if _code(exc) == "NoSuchBucket":
                return []
            raise

    def _let_go(self, version: Object) -> bool:
        """Whether this version is gone; False where the store refuses."""
        try:
            self._call(
                lambda: self._client.remove_object(
                    bucket_name=self._bucket,
                    object_name=str(version.object_name),
                    version_id=version.version_id,
                ),
                (*GONE, *REFUSED),
            )
        except MinioException as exc:
            return _code(exc) in GONE
        return True

    def _why(self, version: Object) -> Kept:
        """What keeps a version, as far as the store tells."""
        try:
            seen = self._client.stat_object(
                bucket_name=self._bucket,
                object_name=str(version.object_name),
                version_id=version.version_id,
            )
        except (MinioException, urllib3.exceptions.HTTPError, OSError):
            return why_kept({})
        return why_kept(dict(seen.metadata or {}))

    def _hide(self, key: str) -> None:
        """Take an object out of sight; where the bucket has versions they stay, below a delete marker."""
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
            # No face: under a lock of the whole bucket its versions may stay, and the store is well.
            self._hide(key)
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
    def _call(act: Callable[[], T], answers: tuple[str, ...] = ANSWERS) -> T:
        try:
            return act()
        except MinioException as exc:
            if _code(exc) in answers:
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
