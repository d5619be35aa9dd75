"""The settings of the processes, from the fields of ``ipaas.config``."""

import json

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from ipaas.config import Settings

_HEAD = """\
# Settings

Every process reads its settings from the environment. A bad value stops the process at start-up with its name and
what is allowed. `python3 manage.py up` needs none of them.

| name | default | meaning |
|---|---|---|
"""
_FOOT = """
`.venv/bin/ipaas` and `manage.py` take over the addresses of the instance that runs in `IPAAS_HOME`; what is set in the
environment goes before.
"""
# Read by the launcher, before the packages are there.
_OF_THE_LAUNCHER = {
    "IPAAS_WORKER_PROCESSES": (
        "the processors this machine allows",
        "Worker processes, 1 to 256; each runs many runs at once.",
    )
}
# What stands in for a value that is not the same everywhere.
_DEFAULTS = {
    "home": "`.ipaas` beside `manage.py`",
    "database_url": "the embedded PostgreSQL",
    "redis_url": "the embedded Valkey",
    "secret_key": "`keys/secret_key` in the home, made at first start",
    "kek_file": "`keys/kek.json` in the home, made at first start",
    "demo_warehouse_url": "a database of its own in the embedded PostgreSQL",
}


def settings_page() -> str:
    """Markdown of ``docs/reference/settings.md``."""
    rows = "".join(f"| `{name}` | {default} | {text} |\n" for name, (default, text) in variables().items())
    return _HEAD + rows + _FOOT


def variables() -> dict[str, tuple[str, str]]:
    """Every environment variable that is a setting → its default in words, and its meaning."""
    found = {
        _variable(field, info): (_default(field, info), info.description or "")
        for field, info in Settings.model_fields.items()
    }
    return {**found, **_OF_THE_LAUNCHER}


def _variable(field: str, info: FieldInfo) -> str:
    """The environment variable of a setting; the first where there are several."""
    alias = info.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"IPAAS_{field.upper()}"


def _default(field: str, info: FieldInfo) -> str:
    if field in _DEFAULTS:
        return _DEFAULTS[field]
    value = info.get_default(call_default_factory=True)
    if value in (None, ""):
        return "none"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
