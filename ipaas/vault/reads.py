"""Every read of a secret is counted; a read per call would drown the audit trail, so counts are written per minute.

One entry per secret version, process and minute says how often, for what and by which flows it was read. A process
that is killed without warning loses the counts of its last seconds; ``start_flushing`` bounds how many.
"""

import atexit
import logging
import os
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Lock, Thread
from typing import NamedTuple
from uuid import UUID

from django.db import close_old_connections

from ipaas.audit.recording import EntryRow, entry_row, record_rows
from ipaas.core.actor import Actor
from ipaas.core.clock import now

MOST_NAMES = 50
log = logging.getLogger(__name__)


class SecretRead(NamedTuple):
    """Which version of which secret was read."""

    workspace_id: UUID
    secret_id: UUID
    slug: str
    version: int


@dataclass(slots=True)
class _Count:
    reads: int = 0
    purposes: set[str] = field(default_factory=set)
    flows: set[str] = field(default_factory=set)


_counts: dict[tuple[SecretRead, datetime], _Count] = {}
_lock = Lock()
_flusher: tuple[Thread, Event] | None = None


def note_read(read: SecretRead, *, purpose: str, flow_label: str) -> None:
    """Count a read; thread-safe, no query."""
    minute = now().replace(second=0, microsecond=0)
    with _lock:
        count = _counts.setdefault((read, minute), _Count())
        count.reads += 1
        for names, name in ((count.purposes, purpose), (count.flows, flow_label)):
            if name and len(names) < MOST_NAMES:
                names.add(name)


def flush_reads(*, everything: bool = False) -> int:
    """Write the counts of full minutes (or all of them) as audit entries; returns how many entries.

    When the database refuses, the counts are kept for the next time and the error is raised.
    """
    this_minute = now().replace(second=0, microsecond=0)
    with _lock:
        taken = {key: _counts[key] for key in _counts if everything or key[1] < this_minute}
        for key in taken:
            del _counts[key]
    try:
        record_rows(_entry(read, minute, count) for (read, minute), count in taken.items())
    except BaseException:
        _put_back(taken)
        raise
    return len(taken)


def start_flushing(every_s: float = 15.0) -> None:
    """Flush in the background, and at exit, from now on; once per process, again in a forked child."""
    global _flusher  # noqa: PLW0603 - one thread per process
    with _lock:
        if _flusher is not None:
            return
        stop = Event()
        _flusher = Thread(target=_flush_until, args=(stop, every_s), name="vault-reads", daemon=True), stop
    _flusher[0].start()
    atexit.register(stop_flushing)


def stop_flushing() -> None:
    """End the background thread and write what was counted, the present minute included."""
    global _flusher
    with _lock:
        running, _flusher = _flusher, None
    if running is not None:
        thread, stop = running
        stop.set()
        thread.join()
        _flush_logged(everything=True)


def _flush_until(stop: Event, every_s: float) -> None:
    while not stop.wait(every_s):
        _flush_logged()


def _flush_logged(*, everything: bool = False) -> None:
    try:
        flush_reads(everything=everything)
    except Exception as error:  # a flush must outlive any outage; the counts are kept
        log.warning("secret reads not yet audited", extra={"error": type(error).__name__})
    finally:
        close_old_connections()


def _entry(read: SecretRead, minute: datetime, count: _Count) -> EntryRow:
    process = f"{os.uname().nodename}:{os.getpid()}"
    return entry_row(
        "secret.read",
        actor=Actor(kind="service", id=process, label=process),
        workspace_id=read.workspace_id,
        subject=("secret", read.secret_id, read.slug),
        details={
            "version": read.version,
            "reads": count.reads,
            "minute": minute,
            "purposes": sorted(count.purposes),
            "flows": sorted(count.flows),
        },
    )


def _put_back(taken: dict[tuple[SecretRead, datetime], _Count]) -> None:
    with _lock:
        for key, count in taken.items():
            kept = _counts.setdefault(key, _Count())
            kept.reads += count.reads
            kept.purposes |= count.purposes
            kept.flows |= count.flows


def _forget() -> None:
    """A forked child counts its own reads; those of the parent are the parent's to write."""
    global _lock, _flusher
    _lock, _flusher = Lock(), None
    _counts.clear()


os.register_at_fork(after_in_child=_forget)
