"""Addresses and keys that the product's processes get by environment."""

import os
from collections.abc import Mapping

from ipaas.launcher.layout import ROOT, default_home
from ipaas.launcher.state import running


def product_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment with an instance's settings on top, and the product importable from anywhere."""
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    memory = {"MALLOC_ARENA_MAX": "2"}  # threads share arenas: each keeps the pages that it needed at its busiest
    fixed = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "DJANGO_SETTINGS_MODULE": "ipaas.settings"}
    return {**memory, **os.environ, **fixed, **settings}


def adopt_instance() -> None:
    """Let this process talk to the running instance of the home folder; what the caller has set stays."""
    os.environ.setdefault("IPAAS_HOME", str(default_home()))
    state = running(default_home() / "state.json")
    if state is not None:
        for name, value in state.environment.items():
            os.environ.setdefault(name, value)
