"""The one hot Celery task: it starts the pump of its worker process.

A message says only that there may be work in a lane. Lost, doubled or late messages cost latency, never data.
"""

import asyncio
import gc
import os
import threading
from typing import Any

import uvloop
from celery import Task, shared_task
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)

from ipaas.config import settings
from ipaas.core import providers
from ipaas.core.logging import get_logger
from ipaas.runtime import lifecycle
from ipaas.runtime.audit_jobs import abandon_audit_job, audit_task
from ipaas.runtime.bell import PUMP
from ipaas.runtime.bulk import abandon_bulk_job, bulk_task
from ipaas.runtime.models import Work
from ipaas.runtime.polls import abandon_poll, poll_task
from ipaas.runtime.pump import DRAIN_S, Handler, Pump

log = get_logger(__name__)


HANDLERS: dict[int, Handler] = {
    Work.Kind.POLL: Handler(poll_task, abandon_poll),
    Work.Kind.BULK: Handler(bulk_task, abandon_bulk_job),
    **providers.get("runtime.handlers")(),
    Work.Kind.AUDIT: Handler(audit_task, abandon_audit_job),
}
"""How work that is neither a delivery nor a run is done; a higher package lends its own."""

GC_THRESHOLD = 20_000
"""Runs under way are many small objects that nearly all go by counting; looking for cycles at 700 finds nothing."""


class _Process:
    """What a worker process keeps between messages: its loop and its pump."""

    loop: asyncio.AbstractEventLoop | None = None
    pump: Pump | None = None
    lifeline: tuple[int, int] | None = None
    stopping = False


def _pump() -> tuple[asyncio.AbstractEventLoop, Pump]:
    if _Process.loop is None or _Process.pump is None:
        _Process.loop = uvloop.new_event_loop()
        _Process.pump = Pump(settings().database_url, handlers=HANDLERS)
        _Process.loop.run_until_complete(_Process.pump.open())
    return _Process.loop, _Process.pump


@shared_task(name=PUMP, bind=True)
def pump(self: "Task[Any, Any]", lane: str) -> None:
    """Work off what is due; ``lane`` is only the bell that rang."""
    del self, lane
    if _Process.stopping:
        return
    loop, engine = _pump()
    loop.run_until_complete(engine.run())


@setup_logging.connect
def _log_as_all_do(**_: object) -> None:
    """Keep Celery from setting up a log of its own."""
    lifecycle.begin_logging()


@worker_init.connect
def _open_lifeline(**_: object) -> None:
    """A pipe from the parent to its children: closed or written to, it tells them to finish."""
    _Process.lifeline = os.pipe()


@worker_init.connect
def _settle_memory(**_: object) -> None:
    """What is loaded now stays: children share its pages, and no collection walks over it again."""
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def _begin(**_: object) -> None:
    gc.set_threshold(GC_THRESHOLD)
    lifecycle.begin("worker")


@worker_process_init.connect
def _watch_lifeline(**_: object) -> None:
    if _Process.lifeline is None:
        return
    read_end, write_end = _Process.lifeline
    os.close(write_end)
    threading.Thread(target=_wait_for_end, args=(read_end,), name="lifeline", daemon=True).start()


def _wait_for_end(read_end: int) -> None:
    asked = os.read(read_end, 1)
    _Process.stopping = True
    loop, engine = _Process.loop, _Process.pump
    if loop is not None and engine is not None:
        loop.call_soon_threadsafe(engine.stop)
    if not asked:  # the parent is gone: finish what is under way, then go as well
        threading.Timer(DRAIN_S + 5.0, os._exit, args=(1,)).start()


@worker_shutting_down.connect
def _tell_children(**_: object) -> None:
    if _Process.lifeline is not None:
        os.write(_Process.lifeline[1], b"." * 64)


@worker_process_shutdown.connect
def _close(**_: object) -> None:
    loop, engine = _Process.loop, _Process.pump
    if loop is not None and engine is not None and not loop.is_running():
        loop.run_until_complete(engine.close())
    lifecycle.end()
