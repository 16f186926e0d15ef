"""Files that are no honest export: each is refused with its sentence, and nothing is left behind."""

import copy
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text

from core.experiments.variants import Variant
from core.exports.bundle import DOCUMENT
from core.exports.document import grid_hash
from core.exports.exports import Kind, Wish
from core.foundation.errors import InvalidInput, ServiceUnavailable
from core.storage.objects import ObjectStore
from core.tables.customers import Customer
from core.tables.imports import ExperimentImport, ImportIntent
from core.tables.testsets import TestPerson
from tests.support.desk import TestDesk, wait_for, working
from tests.support.experiments import Lab
from tests.support.pictures import astronaut, claims, encode
from tests.support.share import export, file_names, import_file, packed, unpacked

Told = dict[str, Any]
Files = dict[str, bytes]


@pytest.fixture
def lab(desk: TestDesk) -> Lab:
    return Lab(desk, people=1)


@pytest.fixture
def files(lab: Lab) -> Files:
    """The files of an honest export: a document, one image, one selfie."""
    number = lab.started([Variant(version_id=lab.versions("A hero")[0])])
    with working(lab.desk):
        wait_for(lambda: lab.over(number))
    content = export(lab.desk, Wish(number, Kind.BUNDLE, selfies=True))
    return {name: unpacked(content, name) for name in file_names(content)}


def traces(desk: TestDesk) -> tuple[list[str], list[int]]:
    """All that an import could leave."""
    with desk.database.transaction() as session:
        tables = (ExperimentImport, ImportIntent, TestPerson, Customer)
        counts = [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
    return list(desk.services.objects.keys("")), counts


def refused(desk: TestDesk, content: bytes) -> str:
    before = traces(desk)
    with pytest.raises(InvalidInput) as caught:
        import_file(desk, content)
    assert traces(desk) == before
    return str(caught.value)


def image_of(files: Files) -> str:
    return next(name for name in files if name.startswith("images/"))


def changed(files: Files, change: Callable[[Told], object], *, rehash: bool = True) -> Files:
    """The same files with another document; with `rehash` its hash is right again."""
    told = json.loads(files[DOCUMENT])
    change(told)
    if rehash:
        told["hash"] = grid_hash(told)
    return {**files, DOCUMENT: json.dumps(told).encode()}


def test_documents_that_do_not_hold_together_are_refused(lab: Lab, files: Files) -> None:
    def twice(told: Told) -> None:
        told["cells"].append(copy.deepcopy(told["cells"][0]))

    def deep(told: Told) -> None:
        told["cells"][0]["checks"] = json.loads("[" * 150 + "]" * 150)

    cases: list[tuple[Callable[[Told], object], bool, str]] = [
        (twice, True, "sample 1 is there twice"),
        (lambda told: told["cells"].clear(), True, "do not make its grid"),
        (lambda told: told["cells"][0].update(cost_usd="0.0001"), False, "changed after its export"),
        (lambda told: told["cells"][0].update(key="0" * 64), True, "is not that of its prompt"),
        (lambda told: told["cells"][0].update(image=None), True, "image that it cannot have"),
        (lambda told: told["cells"][0].update(repeat=10**30), True, "cells.0.repeat"),
        (lambda told: told["cells"][0].update(seconds=-1), True, "cells.0.seconds"),
        (lambda told: told["variants"][0].update(template="other"), True, "does not fit its hash"),
        (lambda told: told["variants"][0].update(label="\x00"), True, "variants.0.label"),
        (lambda told: told["variants"][0].update(position=2), True, "not numbered from 1"),
        (lambda told: told["selfies"][0].update(sha256="../../etc/passwd"), True, "selfies.0.sha256"),
        (lambda told: told.update(extra="x"), True, "extra"),
        (lambda told: told.update(version=2), True, "has version 2 and only version 1"),
        (lambda told: told.update(format="other"), True, "no export of an experiment"),
        (deep, False, "cells.0.checks"),
    ]
    for change, rehash, sentence in cases:
        assert sentence in refused(lab.desk, changed(files, change, rehash=rehash)[DOCUMENT])


def test_what_is_no_document_is_refused(lab: Lab, files: Files) -> None:
    cases = {
        b"": "The file is empty",
        b"hello": "no export of an experiment",
        b"[1, 2]": "no export of an experiment",
        files[DOCUMENT][:500]: "no readable JSON",
        b"<!doctype html><html></html>": "no export of an experiment",
        b'{"a":' * 100_000: "nested too deep",
        b'{"format": "inkdesk-experiment", "version": 1, "hash": ' + b"9" * 5000 + b"}": "no readable JSON",
        b" " * (16 * 1024 * 1024 + 1): "more than 16 MB",
        b"PK\x03\x04 and then nothing": "damaged",
    }
    for content, sentence in cases.items():
        assert sentence in refused(lab.desk, content)


def test_archives_with_tricks_are_refused(lab: Lab, files: Files) -> None:
    image = image_of(files)
    document = {DOCUMENT: files[DOCUMENT]}
    stranger = "images/" + "0" * 64 + ".png"
    cases = [
        (packed({image: files[image]}), "holds no experiment.json"),
        (packed({**files, "../../evil.png": b"x"}), "'../../evil.png', which is no name"),
        (packed({**files, "/etc/evil.png": b"x"}), "which is no name"),
        (packed({**files, "images\\evil.png": b"x"}), "which is no name"),
        (packed({**files, stranger: b"x"}), "which the export does not name"),
        (packed({**files, image: files[image][:-1]}), "bytes instead of"),
        (packed({**files, image: files[image][:-1] + b"x"}), "does not fit its sha256"),
        (packed(document)[:-30], "damaged"),
        (bomb(DOCUMENT, 12), "unpacks to far more than it holds"),
        (bomb(DOCUMENT, 40), "unpacks to 40 MB"),
        (doubled(files), "twice"),
        (locked(packed(files)), "is encrypted"),
        (lying(packed(document), len(files[DOCUMENT])), "damaged"),
    ]
    for content, sentence in cases:
        assert sentence in refused(lab.desk, content)


def bomb(name: str, megabytes: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b" " * megabytes * 1024 * 1024)
    return out.getvalue()


def doubled(files: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(DOCUMENT, files[DOCUMENT])
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(DOCUMENT, files[DOCUMENT])
    return out.getvalue()


def locked(content: bytes) -> bytes:
    """The archive with the flag of encryption on every file of its directory."""
    made = bytearray(content)
    at = made.find(b"PK\x01\x02")
    while at >= 0:
        made[at + 8] |= 1
        at = made.find(b"PK\x01\x02", at + 4)
    return bytes(made)


def lying(content: bytes, size: int) -> bytes:
    """The archive with a directory that tells another size of its file."""
    made = bytearray(content)
    at = made.find(b"PK\x01\x02")
    made[at + 24 : at + 28] = (size - 7).to_bytes(4, "little")
    return bytes(made)


def test_images_that_are_none_or_others_are_refused(lab: Lab, files: Files) -> None:
    def with_image(content: bytes, **changes: object) -> bytes:
        digest = hashlib.sha256(content).hexdigest()
        told = {"sha256": digest, "size_bytes": len(content), **changes}
        made = changed(files, lambda document: document["cells"][0]["image"].update(told))
        made[f"images/{digest}.png"] = content
        del made[image_of(files)]
        return packed(made)

    small = encode(astronaut(256), "PNG")
    cases = [
        (with_image(b"not a picture at all"), "not the kind of image"),
        (with_image(encode(astronaut(256), "JPEG")), "not the kind of image"),
        (with_image(small), "256x256 pixels instead of 1024x1024"),
        (with_image(small[:-200], width=256, height=256), "ends in the middle"),
        (with_image(claims(small, 30_000, 30_000)), "claims 30000x30000 pixels"),
    ]
    for content, sentence in cases:
        assert sentence in refused(lab.desk, content)


def test_selfies_that_are_none_are_refused(lab: Lab, files: Files) -> None:
    name = next(name for name in files if name.startswith("selfies/"))
    assert "does not fit its sha256" in refused(lab.desk, packed({**files, name: b"x"}))
    assert "more than the 5,242,880 bytes" in refused(
        lab.desk, packed({**files, name: bytes(range(256)) * 24 * 1024})
    )


def test_an_object_store_that_fails_midway_leaves_nothing(
    lab: Lab, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture is stored and its small one is not: both are gone afterwards, and so is the intent."""
    made = changed(files, lambda told: told["variants"][0].update(label="another"))
    # Unknown to this desk, so that the picture has to be stored.
    with lab.database.transaction() as session:
        session.execute(text("UPDATE avatar SET sha256 = md5(sha256)"))
    before = traces(lab.desk)
    put = ObjectStore.put

    def failing(self: ObjectStore, key: str, content: bytes, content_type: str) -> None:
        if key.startswith("imports/") and key.endswith(".thumb.webp"):
            raise ServiceUnavailable("The object store cannot be used.")
        put(self, key, content, content_type)

    monkeypatch.setattr(ObjectStore, "put", failing)
    with pytest.raises(ServiceUnavailable):
        import_file(lab.desk, packed(made), token="again")
    assert traces(lab.desk) == before
    monkeypatch.undo()
    assert import_file(lab.desk, packed(made), token="again") > 0
    assert len(traces(lab.desk)[0]) == len(before[0]) + 4
