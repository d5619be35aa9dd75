"""The virtual environment: made, filled from the lock with hashes checked, and entered."""

import fcntl
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from ipaas.launcher import requirements
from ipaas.launcher.console import run_quietly, say, task
from ipaas.launcher.errors import LauncherError
from ipaas.launcher.layout import ROOT

MINIMUM = (3, 11)
VENV = ROOT / ".venv"
SCRIPT = """\
#!{python}
import sys

sys.path.insert(0, {root!r})
from ipaas.launcher.environment import adopt_instance

adopt_instance()
from ipaas.cli.main import main

sys.exit(main())
"""


def ensure_python() -> None:
    if sys.version_info < MINIMUM:
        have = ".".join(map(str, sys.version_info[:3]))
        raise LauncherError(f"Python 3.11 or newer is needed; this is {have} ({sys.executable}).")


def ensure_environment(lock_name: str, argv: list[str]) -> None:
    """Return inside an interpreter that has the packages of the lock; else set one up and start ``argv`` again in it.

    An interpreter that already has Django and no ``.venv`` beside the product (a container) is taken as it is.
    """
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    if not inside and has_own_packages():
        return
    lock = requirements.lock_path(lock_name)
    if not is_ready(lock):
        with exclusive():
            if not is_ready(lock):
                _install(lock)
    write_script()
    if not inside:
        _enter(argv)


def has_own_packages() -> bool:
    """Whether the running interpreter brings the packages itself: another virtual environment, or an image."""
    if VENV.exists() and sys.prefix == sys.base_prefix:
        return False
    return importlib.util.find_spec("django") is not None


def is_ready(lock: Path) -> bool:
    if not (VENV / "bin" / "python").exists():
        return False
    if requirements.is_recorded(VENV, lock):
        return True
    if requirements.missing(VENV, lock):
        return False
    requirements.record(VENV, lock)
    return True


def _install(lock: Path) -> None:
    python = VENV / "bin" / "python"
    if not _runs(python):
        with task(f"Making {VENV.name} with Python {sys.version_info[0]}.{sys.version_info[1]}"):
            _make_venv()
    with task(f"Installing the locked packages of {lock.relative_to(ROOT)} (hashes checked)"):
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
        options = ["--require-hashes", "--no-deps", "--progress-bar", "off", "-r", str(lock)]
        run_quietly([*pip, *options], cwd=ROOT, noun="packages looked at", marker="Collecting")
    requirements.record(VENV, lock)


def _make_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        msg = "Python's venv module lacks pip. On Debian: apt install python3-venv"
        raise LauncherError(msg)
    run_quietly([_base_python(), "-m", "venv", "--clear", str(VENV)], cwd=ROOT)


def _base_python() -> str:
    return getattr(sys, "_base_executable", None) or sys.executable


def _runs(python: Path) -> bool:
    if not python.exists():
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def write_script() -> None:
    """``.venv/bin/ipaas``: the command line, with the addresses of the running instance taken over.

    A virtual environment that is shared by several checkouts keeps the script of its own.
    """
    if VENV.is_symlink() or not (VENV / "bin").is_dir():
        return
    script, text = VENV / "bin" / "ipaas", SCRIPT.format(python=VENV / "bin" / "python", root=str(ROOT))
    if script.exists() and script.read_text() == text:
        return
    draft = script.with_name(f"ipaas.{os.getpid()}")
    draft.write_text(text)
    draft.chmod(0o755)
    draft.replace(script)


def _enter(argv: list[str]) -> NoReturn:
    if os.environ.get("IPAAS_ENTERED") == str(VENV):
        raise LauncherError(f"{VENV} does not lead to its own interpreter. Remove it and start again.")
    python = str(VENV / "bin" / "python")
    sys.stdout.flush()
    os.execve(python, [python, *argv], {**os.environ, "IPAAS_ENTERED": str(VENV)})  # noqa: S606 - our own interpreter


@contextmanager
def exclusive() -> Iterator[None]:
    """One set-up at a time in this folder; a second one waits."""
    descriptor = os.open(ROOT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  … waiting for another set-up in this folder")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
