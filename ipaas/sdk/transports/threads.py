"""Libraries that block, in threads beside the loop; given up without leaving an effect behind."""

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ipaas.core.net import Socket, hang_up
from ipaas.sdk.transports import Transports

T = TypeVar("T")
THREADS = 32
_executors: list[ThreadPoolExecutor] = []
os.register_at_fork(after_in_child=_executors.clear)


class GivenUp(Exception):
    """Nobody waits for this work any more; it must not have an effect."""


class Gate:
    """Stands before the effect of work in a thread: who waits gives up, or the effect begins, never both."""

    def __init__(self, io: Transports, sock: Socket | None = None) -> None:
        self._io = io
        self._sock = sock
        self._lock = threading.Lock()
        self.given_up = False

    def commit(self) -> None:
        """Called in the thread as the last thing before what can take effect. Raises GivenUp."""
        with self._lock:
            if self.given_up:
                raise GivenUp
            self._io.committing()

    def give_up(self) -> None:
        """Refuse the effect from now on, and wake a thread that waits for the other side."""
        with self._lock:
            self.given_up = True
        if self._sock is not None:
            hang_up(self._sock)


async def in_thread(gate: Gate, work: Callable[[], T]) -> T:
    """Run blocking work. When the caller is cancelled the gate closes and the thread is left to end by itself."""
    if not _executors:
        _executors.append(ThreadPoolExecutor(THREADS, thread_name_prefix="connector"))
    context = contextvars.copy_context()
    future = asyncio.get_running_loop().run_in_executor(_executors[0], lambda: context.run(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        gate.give_up()
        future.add_done_callback(_looked_at)
        raise


def _looked_at(future: "asyncio.Future[T]") -> None:
    """The work that was given up has ended; what it raised concerns nobody."""
    if not future.cancelled():
        future.exception()
