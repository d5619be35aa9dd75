"""The lock of a home folder."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from ipaas.launcher.console import say
from ipaas.launcher.errors import LauncherError


class InstanceLock:
    """One supervisor per home. The watchdog of a killed one holds the lock until everything is stopped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def take(self, *, timeout_s: float, running: Callable[[], bool]) -> None:
        """Take it for the life of this process; raise when an instance runs."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline, told = time.monotonic() + timeout_s, False
        while not self._try():
            if running():
                msg = "This instance is running already. Stop it with: python3 manage.py down"
                raise LauncherError(msg)
            if time.monotonic() > deadline:
                raise LauncherError(f"{self._path} is still held by what an earlier instance left behind.")
            if not told:
                say("  … waiting for the rest of an earlier instance to end")
                told = True
            time.sleep(0.1)

    def is_held(self) -> bool:
        """Whether an instance, or the rest of one, is there."""
        if not self._path.exists():
            return False
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
