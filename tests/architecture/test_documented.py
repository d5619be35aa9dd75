"""Every setting has its line in the reference, and the reference has no line without a setting."""

import re

from pydantic import AliasChoices

from ipaas.config import Settings
from tests.architecture.sources import ROOT

REFERENCE = ROOT / "docs" / "reference" / "settings.md"
# Read by the launcher, before the packages are there.
OF_THE_LAUNCHER = {"IPAAS_WORKER_PROCESSES"}


def names() -> dict[str, str]:
    """Environment variable → field."""
    found = {}
    for field, info in Settings.model_fields.items():
        alias = info.validation_alias
        name = str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"IPAAS_{field.upper()}"
        found[name] = field
    return found


def documented() -> set[str]:
    return set(re.findall(r"^\| `([A-Z_]+)` \|", REFERENCE.read_text(), re.MULTILINE))


def test_every_setting_is_documented() -> None:
    assert documented() == names().keys() | OF_THE_LAUNCHER


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, info in Settings.model_fields.items() if not info.description] == []
