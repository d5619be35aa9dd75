"""The message catalogs of the pages, compiled to what Django reads; nothing is done when none has changed."""

import hashlib
import importlib.util
import sys
from pathlib import Path

from ipaas.launcher.bootstrap import exclusive
from ipaas.launcher.console import run_quietly, task
from ipaas.launcher.errors import LauncherError
from ipaas.launcher.layout import ROOT

LOCALE = "locale"
RECORD = ".inputs"


def ensure_catalogs(root: Path = ROOT) -> None:
    """Compile ``locale/*/LC_MESSAGES/django.po``, unless these very texts were compiled."""
    if not is_compiled(root):
        with exclusive():
            if not is_compiled(root):
                _compile(root)


def is_compiled(root: Path = ROOT) -> bool:
    sources = _sources(root)
    if not all(path.with_suffix(".mo").exists() for path in sources):
        return False
    record = root / LOCALE / RECORD
    return not sources or (record.exists() and record.read_text() == _digest(sources))


def _compile(root: Path) -> None:
    if importlib.util.find_spec("babel") is None:
        msg = "No Babel to compile the message catalogs with: install requirements/embedded.txt."
        raise LauncherError(msg)
    with task("Compiling the message catalogs"):
        command = [sys.executable, "-m", "babel.messages.frontend", "compile", "--domain", "django"]
        run_quietly([*command, "--directory", str(root / LOCALE)], cwd=root)
    (root / LOCALE / RECORD).write_text(_digest(_sources(root)))


def _sources(root: Path) -> list[Path]:
    return sorted((root / LOCALE).glob("*/LC_MESSAGES/django.po"))


def _digest(sources: list[Path]) -> str:
    total = hashlib.sha256()
    for path in sources:
        total.update(f"{path.parent.parent.name}\0".encode() + path.read_bytes())
    return total.hexdigest()
