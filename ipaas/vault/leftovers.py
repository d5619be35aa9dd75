"""Destroying in a backend what was given up: noted in the transaction of the deed, done afterwards until it is done."""

from uuid import UUID

from django.db import transaction

from ipaas.core.logging import get_logger
from ipaas.vault.errors import BackendUnavailable
from ipaas.vault.models import Backend, Leftover, Secret
from ipaas.vault.stores import store_at

log = get_logger(__name__)
AT_ONCE = 100


def leave_over(secret: Secret, store: str, refs: list[str]) -> None:
    """Have a backend destroy values of a secret once the caller's transaction is committed."""
    backend = Backend.objects.filter(workspace_id=secret.workspace_id, kind=store).first()
    if backend is None:
        return
    left = Leftover.objects.create(backend=backend, slug=secret.slug, refs=refs)
    transaction.on_commit(lambda: _clear(left.id), robust=True)


def clear_leftovers() -> int:
    """Destroy what is left over; returns how many are done. Several may run at once."""
    found = Leftover.objects.order_by("id").values_list("id", flat=True)[:AT_ONCE]
    return sum(_clear(one) for one in found)


@transaction.atomic
def _clear(left_id: UUID) -> bool:
    rows = Leftover.objects.select_related("backend__workspace", "backend__login")
    row = rows.select_for_update(skip_locked=True, of=("self",)).filter(id=left_id).first()
    if row is None:
        return False
    try:
        store_at(row.backend).wipe(row.slug, row.refs)
    except BackendUnavailable as error:
        log.warning("values not yet destroyed", action="vault_leftover", secret=row.slug, reason=error.detail)
        return False
    row.delete()
    return True
