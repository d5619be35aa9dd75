"""Where an instance keeps what: the home folder and, beside it, the folder of the embedded servers."""

import hashlib
import json
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ipaas.launcher.errors import LauncherError
from ipaas.launcher.identity import Identity, can_enter

ROOT = Path(__file__).resolve().parent.parent.parent
SYSTEM_DATA = Path("/var/lib/ipaas")
SOCKET_PATH_MAX = 90  # the limit is 107 bytes, and PostgreSQL appends ".s.PGSQL.5432.lock"


def default_home() -> Path:
    return Path(os.environ.get("IPAAS_HOME") or ROOT / ".ipaas").expanduser().absolute()


@dataclass(frozen=True)
class Layout:
    """Paths of one instance. ``data`` is the home, or a folder that the servers' unprivileged user can reach."""

    home: Path
    data: Path
    servers: Identity

    @property
    def state_file(self) -> Path:
        return self.home / "state.json"

    @property
    def lock_file(self) -> Path:
        return self.home / "lock"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def postgres(self) -> Path:
        return self.data / "pg"

    @property
    def valkey(self) -> Path:
        return self.data / "valkey"

    @property
    def binaries(self) -> Path:
        return self.data / "servers"

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def socket_folder(self) -> Path:
        """A private folder for the server's socket, with a path short enough for one."""
        near = self.data / "run"
        if len(os.fsencode(near)) <= SOCKET_PATH_MAX:
            return self.servers.make_folder(near)
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        return self.servers.make_folder(Path(tempfile.gettempdir()) / f"ipaas-{os.getuid()}-{digest}")


def open_layout(home: Path) -> Layout:
    """Make the folders of an instance; the place of the servers' data is chosen once and written down.

    Permissions of folders that were there before are never changed.
    """
    as_root = os.geteuid() == 0
    _make_home(home, 0o711 if as_root else 0o700)
    for private in ("keys", "logs"):
        (home / private).mkdir(mode=0o700, exist_ok=True)
    data = _recorded_data(home)
    if data is None:
        data = home if not as_root or can_enter(home, Identity.unprivileged()) else _system_data(home)
        (home / "layout.json").write_text(json.dumps({"data": str(data)}) + "\n")
    return Layout(home, data, Identity.for_data(data / "pg"))


def find_layout(home: Path) -> Layout | None:
    """The layout of an instance that was started before, without making anything."""
    data = _recorded_data(home)
    return None if data is None else Layout(home, data, Identity.for_data(data / "pg"))


def _make_home(home: Path, mode: int) -> None:
    try:
        home.mkdir(mode=mode, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise LauncherError(f"Cannot use {home} as the state folder ({error.strerror}). Set IPAAS_HOME.") from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise LauncherError(f"The state folder {home} cannot be written by this user. Set IPAAS_HOME to another one.")


def _recorded_data(home: Path) -> Path | None:
    try:
        return Path(json.loads((home / "layout.json").read_text())["data"])
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise LauncherError(f"{home} belongs to another user. Set IPAAS_HOME, or start as that user.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise LauncherError(
            f'{home / "layout.json"} is damaged; it holds {{"data": folder of the servers}}.'
        ) from error


def _system_data(home: Path) -> Path:
    """``/var/lib/ipaas/<hash of home>``: reachable by everybody, listed by nobody, owned by root."""
    SYSTEM_DATA.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = SYSTEM_DATA / hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    folder.mkdir(mode=0o711, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) & 0o001 == 0:
        raise LauncherError(f"{folder} cannot be entered by an unprivileged user. Set IPAAS_HOME or DATABASE_URL.")
    return folder
