"""Reading drafts beside the request that brought them, each by one, with progress in the row."""

import threading
import time
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import Q
from django.utils.timezone import now

from ipaas.catalog.errors import ImportNotRead
from ipaas.catalog.models import ImportDraft
from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.sdk.openapi import Imported
from ipaas.sdk.openapi.apart import LIMITS, packed, read_apart, unpacked

log = get_logger(__name__)
MOST_KEPT = 4
"""Outcomes that a process keeps ready: somebody who looks at one turns pages."""
TELL_EVERY_S = 0.4

_kept: "OrderedDict[tuple[UUID, datetime], Imported]" = OrderedDict()
_lock = threading.Lock()


def begin(draft_id: UUID) -> None:
    """Read a draft in a thread of its own, unless somebody is at it."""
    threading.Thread(target=_in_thread, args=(draft_id,), name=f"import-{draft_id}", daemon=True).start()


def _in_thread(draft_id: UUID) -> None:
    try:
        read_draft(draft_id)
    except Exception:
        log.exception("a description was not read", action="import_failed", draft=str(draft_id))
    finally:
        connections.close_all()


def read_draft(draft_id: UUID) -> bool:
    """Read a draft and keep the outcome, or what is wrong with it; False when another one is at it or it is gone."""
    moment = now()
    waiting = ImportDraft.objects.filter(id=draft_id, state=ImportDraft.State.READING)
    free = waiting.filter(Q(reading_until__isnull=True) | Q(reading_until__lt=moment))
    if not free.update(reading_until=moment + timedelta(seconds=LIMITS.wall_s + 10)):
        return False
    draft = ImportDraft.objects.get(id=draft_id)
    mine = waiting.filter(created_at=draft.created_at)
    told = _Teller(mine)
    try:
        options = {"slug": draft.slug, "category": draft.category, "source_url": draft.source_url}
        made = read_apart(draft.source, progress=told, **options)
    except IpaasError as error:
        mine.update(state=ImportDraft.State.FAILED, problem=f"{error.detail} {error.advice}".strip()[:2000])
    else:
        mine.update(state=ImportDraft.State.READY, result=packed(made), phase="")
    return True


class _Teller:
    """Writes how far it is into the row, not more often than people look."""

    def __init__(self, rows: Any) -> None:
        self._rows, self._at, self._phase = rows, 0.0, ""

    def __call__(self, phase: str, done: int, total: int) -> None:
        moment = time.monotonic()
        if phase != self._phase or moment - self._at >= TELL_EVERY_S:
            self._rows.update(phase=phase, done=done, total=total)
            self._at, self._phase = moment, phase


def looked_at(draft: ImportDraft) -> None:
    """Begin again where whoever read it is gone."""
    abandoned = draft.reading_until is None or draft.reading_until < now()
    if draft.state == ImportDraft.State.READING and abandoned:
        begin(draft.id)


def outcome(draft: ImportDraft) -> Imported:
    """What a draft would become; raises ImportNotRead."""
    if draft.state != ImportDraft.State.READY or draft.result is None:
        raise ImportNotRead(slug=draft.slug)
    key = (draft.id, draft.created_at)
    with _lock:
        found = _kept.get(key)
    if found is None:
        found = unpacked(bytes(draft.result))
        with _lock:
            _kept[key] = found
            while len(_kept) > MOST_KEPT:
                _kept.popitem(last=False)
    return found
