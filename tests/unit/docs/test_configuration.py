"""docs/configuration.md lists exactly the variables that the settings read."""

import re
from pathlib import Path

from core.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
# Set by no variable: the day of the start, and what the embedded sandbox says of itself.
NO_VARIABLE = {"started_on", "sandboxed"}


def test_every_setting_is_listed_and_nothing_else() -> None:
    listed = set(re.findall(r"`([A-Z0-9_]+)`", "\n".join(_first_cells())))
    prefix = str(Settings.model_config["env_prefix"])
    read = {
        str(field.validation_alias or prefix + name.upper())
        for name, field in Settings.model_fields.items()
        if name not in NO_VARIABLE
    }
    assert listed == read


def _first_cells() -> list[str]:
    table = PAGE.read_text(encoding="utf-8").split("## Sign-in")[0]
    return [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
