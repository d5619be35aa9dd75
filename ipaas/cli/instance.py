"""Finding the instance that ``up`` runs: its addresses stand in ``state.json`` of the home folder."""

import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def adopt_instance() -> None:
    """Take over the running instance's settings from its home folder; what the caller has set stays."""
    home = Path(os.environ.get("IPAAS_HOME") or ROOT / ".ipaas").expanduser().absolute()
    os.environ.setdefault("IPAAS_HOME", str(home))
    try:
        state = json.loads((home / "state.json").read_text())
    except FileNotFoundError:
        return
    for name, value in state["environment"].items():
        os.environ.setdefault(name, value)


def set_up() -> None:
    """Make Django and the log ready, for a command that needs them."""
    import django

    django.setup()
    from ipaas.runtime.lifecycle import begin_logging

    begin_logging()
