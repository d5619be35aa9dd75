"""Duties that may have to wait for others' servers, so that the scheduler does not wait with them."""

from collections.abc import Callable
from threading import Lock, Thread

from django.db import close_old_connections, connections

from ipaas.core.logging import get_logger

log = get_logger(__name__)


class Beside:
    """Does duties one after the other on a thread of their own; called again before it is done, it does nothing."""

    def __init__(self, *duties: Callable[[], object]) -> None:
        self.duties = duties
        self._busy = Lock()

    def __call__(self) -> Thread | None:
        if not self._busy.acquire(blocking=False):
            return None
        thread = Thread(target=self._do, name="vault-duties", daemon=True)
        thread.start()
        return thread

    def _do(self) -> None:
        try:
            for duty in self.duties:
                self._one(duty)
        finally:
            connections.close_all()
            self._busy.release()

    def _one(self, duty: Callable[[], object]) -> None:
        try:
            close_old_connections()
            duty()
        except Exception:  # each fails alone, and is done again with the next call
            log.exception("a duty failed", action="duty_failed", duty=duty.__name__)
