"""Who the embedded servers run as: PostgreSQL refuses root, and neither server needs it."""

import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from ipaas.launcher.errors import LauncherError


@dataclass(frozen=True)
class Identity:
    """A user to run as; ``uid`` None means the caller."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def unprivileged(cls) -> "Identity":
        """``nobody`` when the caller is root, else the caller."""
        if os.geteuid() != 0:
            return cls()
        entry = pwd.getpwnam("nobody")
        return cls(entry.pw_uid, entry.pw_gid)

    @classmethod
    def for_data(cls, folder: Path) -> "Identity":
        """The owner of data that is already there, so that a cluster keeps its user; else the unprivileged one."""
        if os.geteuid() == 0 and folder.exists():
            owner = folder.stat()
            if owner.st_uid != 0:
                return cls(owner.st_uid, owner.st_gid)
        return cls.unprivileged()

    @property
    def owner(self) -> int:
        return os.geteuid() if self.uid is None else self.uid

    def become(self) -> None:
        """Drop to this user for good; call in a child process only."""
        if self.uid is not None and self.gid is not None:
            os.setgroups([])
            os.setgid(self.gid)
            os.setuid(self.uid)

    def make_folder(self, path: Path) -> Path:
        """A folder of mode 0700 that belongs to this user; one that somebody else made is refused."""
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.owner or found.st_mode & 0o077:
                raise LauncherError(
                    f"{path} exists, but is not a private folder of user {self.owner}. Remove it, or set IPAAS_HOME."
                ) from None
        else:
            if self.uid is not None and self.gid is not None:
                os.chown(path, self.uid, self.gid)
        return path

    def write_file(self, path: Path, text: str) -> Path:
        """A file of mode 0600 that belongs to this user, replaced as a whole."""
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(text)
            if self.uid is not None and self.gid is not None:
                os.fchown(handle.fileno(), self.uid, self.gid)
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(path)
        return path


def can_enter(path: Path, identity: Identity) -> bool:
    """Whether that user reaches the folder (or reads the file), as the kernel sees it: tried by a child process."""
    if identity.uid is None:
        return os.access(path, os.R_OK if path.is_file() else os.X_OK)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        answer = 1
        try:
            identity.become()
            answer = 0 if os.access(path, os.R_OK if path.is_file() else os.X_OK, effective_ids=True) else 1
        finally:
            os._exit(answer)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
