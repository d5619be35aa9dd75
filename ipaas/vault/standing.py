"""Whether the stores outside can be used: tried every few seconds, and told once where one can not for long."""

from datetime import timedelta

from django.db import transaction

from ipaas import audit
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.logging import get_logger
from ipaas.core.phrases import packed
from ipaas.vault.backends import REMOTE
from ipaas.vault.errors import BackendUnavailable
from ipaas.vault.models import Backend
from ipaas.vault.stores.bao import BaoClient

log = get_logger(__name__)
TOLD_AFTER = timedelta(minutes=1)
"""A restart is nobody's business: a store is told of when it has been away for so long."""


def look_after_backends() -> int:
    """Keep the logins of all backends alive and note which can not be used; returns how many can. Several may race."""
    alive = 0
    for row in Backend.objects.select_related("workspace", "login").filter(kind__in=REMOTE):
        try:
            BaoClient(row).keep_alive()
        except BackendUnavailable as error:
            log.warning("a backend of the vault can not be used", action="vault_backend_down", reason=error.detail)
            _note_down(row, error)
        else:
            alive += 1
            _note_up(row)
    return alive


@transaction.atomic
def _note_down(row: Backend, error: BackendUnavailable) -> None:
    rows = Backend.objects.filter(id=row.id)
    rows.filter(down_since=None).update(down_since=now())
    rows.update(down_words=packed(error.detail))
    long = rows.filter(down_told=False, down_since__lte=now() - TOLD_AFTER)
    if long.update(down_told=True):
        row.refresh_from_db(fields=["down_since"])
        since = row.down_since.isoformat(timespec="seconds") if row.down_since is not None else ""
        _record("vault.backend_down", row, {"problem": error.detail, "since": since})


@transaction.atomic
def _note_up(row: Backend) -> None:
    if row.down_since is None:
        return
    told = Backend.objects.filter(id=row.id, down_told=True).update(down_told=False)
    Backend.objects.filter(id=row.id).update(down_since=None, down_words=None)
    if told:
        _record("vault.backend_back", row, {"since": row.down_since.isoformat(timespec="seconds")})


def _record(action: str, row: Backend, details: dict[str, str]) -> None:
    audit.record(
        action, actor=SYSTEM, workspace_id=row.workspace_id, subject=("backend", row.id, row.kind), details=details
    )
