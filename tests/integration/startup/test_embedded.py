"""The embedded servers: real ones, found again after a crash, one home one Inkdesk."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest

from core.foundation.errors import SetupError
from core.startup.children import Child
from core.startup.home import Home
from core.startup.object_store import EmbeddedObjectStore
from core.startup.postgres import LONGEST_SOCKET, SOCKET, EmbeddedPostgres

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_a_second_inkdesk_in_one_home_is_told_where_the_first_serves(tmp_path: Path) -> None:
    first, second = Home(tmp_path / "home"), Home(tmp_path / "home")
    first.enter()
    first.leave_word({"url": "http://127.0.0.1:8501", "addresses": {}})
    with pytest.raises(SetupError, match=r"already running at http://127\.0\.0\.1:8501"):
        second.enter()
    first.leave()
    second.enter()
    assert second.word() is None
    second.leave()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SetupError, match="INKDESK_HOME"):
        Home(tmp_path / "file" / "home").enter()


def test_an_orphan_of_a_killed_start_is_ended_by_the_next_one(tmp_path: Path) -> None:
    lost = Child("sleeper", tmp_path)
    lost.start(SLEEPER)
    orphan = psutil.Process(json.loads((tmp_path / "sleeper.json").read_text())["pid"])
    again = Child("sleeper", tmp_path)
    again.start(SLEEPER)
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    again.stop()
    assert not (tmp_path / "sleeper.json").exists()
    lost.stop()


def test_a_stranger_that_got_an_old_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEPER) as stranger:
        (tmp_path / "sleeper.json").write_text(json.dumps({"pid": stranger.pid, "born": 12345.0}))
        Child("sleeper", tmp_path).end_orphan()
        assert stranger.poll() is None
        stranger.kill()


def test_a_child_that_dies_at_once_is_told_with_its_log(tmp_path: Path) -> None:
    child = Child("broken", tmp_path)
    child.start([sys.executable, "-c", "raise SystemExit('no')"])
    with pytest.raises(SetupError, match=r"broken did not start.*broken\.log"):
        child.wait_until(lambda: False)
    child.stop()


def test_the_object_store_keeps_its_keys_and_hides_them(tmp_path: Path) -> None:
    store = EmbeddedObjectStore(tmp_path / "objects", tmp_path / "run")
    first = store.start()
    commands = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    store.stop()
    second = store.start()
    store.stop()
    assert (first.access_key, first.secret_key) == (second.access_key, second.secret_key)
    assert not any(first.secret_key in command for command in commands)
    assert first.secret_key not in repr(first)
    assert (tmp_path / "run" / "s3-keys.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("variable", ["TMPDIR", "XDG_RUNTIME_DIR"])
def test_what_others_have_in_the_system_s_folders_keeps_nobody_from_starting(
    short_folder: Path, repository: Path, variable: str
) -> None:
    system = short_folder / "system"
    for place in (system, system / "python_PostgresServer"):
        (place / ".lockfile").mkdir(parents=True)  # as little to be opened as another user's file
    before = sorted(system.rglob("*"))
    script = (
        "import shutil, sys; from pathlib import Path; from core.startup.postgres import EmbeddedPostgres; "
        "folder = Path(sys.argv[1]); server = EmbeddedPostgres(folder); print(server.start()); "
        "server.stop(); shutil.rmtree(folder.parent)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(short_folder / "home" / "pg")],
        cwd=repository,
        env={name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
        | {variable: str(system)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert f"host={short_folder / 'home' / 'pg'}" in done.stdout
    assert sorted(system.rglob("*")) == before
    assert not (short_folder / "home").exists()  # nothing comes back when the process ends


def test_the_lock_and_the_socket_of_postgres_lie_in_the_home(short_folder: Path) -> None:
    server = EmbeddedPostgres(short_folder / "pg")
    url = server.start()
    assert url.endswith(f"host={short_folder / 'pg'}")
    assert (short_folder / "pg" / SOCKET).is_socket()
    assert (short_folder / "pg").stat().st_mode & 0o077 == 0
    assert {path.name for path in short_folder.iterdir()} <= {"pg", "pg.lock"}
    server.stop()


def test_a_home_whose_path_is_too_long_for_a_socket_is_refused_in_a_sentence(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = short_folder / "system"
    system.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(system))
    room = LONGEST_SOCKET - len(str(short_folder.resolve() / "" / SOCKET))

    with pytest.raises(SetupError, match=r"INKDESK_HOME: the path .* is 1 bytes too long .* shorter path"):
        EmbeddedPostgres(short_folder / ("x" * room)).start()
    assert list(system.iterdir()) == []
    longest = EmbeddedPostgres(short_folder / ("x" * (room - 1)))
    assert longest.start()
    longest.stop()


def test_a_database_that_cannot_start_says_so_in_a_sentence(short_folder: Path) -> None:
    (short_folder / "pg").mkdir()
    (short_folder / "pg" / "PG_VERSION").write_text("16")
    with pytest.raises(SetupError, match="made by PostgreSQL 16"):
        EmbeddedPostgres(short_folder / "pg").start()
    (short_folder / "pg" / "PG_VERSION").write_text("18")
    with pytest.raises(SetupError, match="did not start"):
        EmbeddedPostgres(short_folder / "pg").start()


def test_postgres_outlives_a_killed_process_and_is_taken_over(short_folder: Path, repository: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from core.startup.postgres import EmbeddedPostgres; "
        "print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True); time.sleep(600)"
    )
    folder = short_folder / "pg"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], cwd=repository, stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        url = killed.stdout.readline().strip()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
        os.kill(killed.pid, signal.SIGKILL)
    server = EmbeddedPostgres(folder)
    with psycopg.connect(server.start()) as connection:
        connection.execute("SELECT n FROM kept")
    server.stop()
    assert not (folder / "postmaster.pid").exists()
