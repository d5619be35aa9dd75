"""The lock files, and whether what they name is installed."""

import hashlib
import json
import re
from pathlib import Path

from ipaas.launcher.layout import ROOT

LINE = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;\\]+)\s*(?P<marker>;)?")


def lock_path(name: str) -> Path:
    """``requirements/<name>.txt``: base, embedded, dev or e2e; each holds all of the ones before it."""
    return ROOT / "requirements" / f"{name}.txt"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def parse_lock(text: str) -> dict[str, tuple[str, bool]]:
    """Normalised name → (version, whether it depends on an environment marker)."""
    found = (LINE.match(line) for line in text.splitlines())
    return {normal(m["name"]): (m["version"], m["marker"] is not None) for m in found if m}


def installed_versions(venv: Path) -> dict[str, str]:
    """Normalised name → version of every distribution in a virtual environment, read from its folder names."""
    folders = venv.glob("lib/python3*/site-packages/*.dist-info")
    pairs = (folder.name.removesuffix(".dist-info").rpartition("-") for folder in folders)
    return {normal(name): version for name, _, version in pairs}


def missing(venv: Path, lock: Path) -> list[str]:
    """What the lock names and the environment lacks; an entry with a marker may be absent, but not another version."""
    have = installed_versions(venv)
    wrong = []
    for name, (version, optional) in parse_lock(lock.read_text()).items():
        if have.get(name, version if optional else None) != version:
            wrong.append(f"{name}=={version}")
    return wrong


def is_recorded(venv: Path, lock: Path) -> bool:
    """Whether this very lock file was installed here before."""
    try:
        record = json.loads(_marker(venv).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get(lock.name) == digest(lock)


def record(venv: Path, lock: Path) -> None:
    try:
        known = json.loads(_marker(venv).read_text())
    except (OSError, ValueError):
        known = {}
    known[lock.name] = digest(lock)
    _marker(venv).write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _marker(venv: Path) -> Path:
    return venv / "ipaas-requirements.json"
