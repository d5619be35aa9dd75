"""Ending old credentials at their provider once their overlap is over.

It is tried every hour until it works, or until a person says that it is done.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.catalog.credentials import opened_from, scrubbed
from ipaas.catalog.errors import ProviderRefused, RevocationFailed
from ipaas.catalog.hook_calls import called
from ipaas.catalog.models import Connection, Revocation
from ipaas.core import jsonio
from ipaas.core.actor import SYSTEM, Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, IpaasError
from ipaas.core.phrases import said
from ipaas.sdk.manifest import HookCall
from ipaas.vault.models import Secret
from ipaas.vault.payloads import sealer_for

AGAIN = timedelta(hours=1)
AT_ONCE = 20
TOLD_EVERY = 24
"""Of so many tries that fail, one is put on record and told."""


def await_revocation(row: Connection, action: str, params: bytes, *, secret: Secret, due_at: datetime) -> None:
    """Have the present version of a secret ended at its provider later, by the call ``action`` with ``params``."""
    waiting = Revocation(
        connection=row, action=action, secret=secret.slug, version=secret.current_version, due_at=due_at
    )
    waiting.sealed = sealer_for(row.workspace_id).seal(params, _aad(waiting))
    waiting.save(force_insert=True)


def revoke_due() -> int:
    """End the old credentials whose overlap is over; one that fails is tried again in an hour. Returns how many."""
    rows = (
        Revocation.objects.select_related("connection__workspace", "connection__environment")
        .filter(due_at__lte=now())
        .order_by("due_at")
    )
    return sum(_claimed(row) and not _problem_of(row, SYSTEM) for row in rows[:AT_ONCE])


def retry_revocation(*, revocation: Revocation, actor: Actor) -> None:
    """End an old credential now, before its overlap is over too. Not inside a transaction, as the call takes its time.

    Raises ``RevocationFailed``, or ``Conflict`` where somebody is at it.
    """
    require_permission(actor, "connections.edit", revocation.connection)
    if not _claimed(revocation):
        raise Conflict(what=said("This old credential is being ended just now, or is ended already."))
    problem = _problem_of(revocation, actor)
    if problem:
        raise RevocationFailed(connection=revocation.connection.slug, reason=problem.rstrip("."))


@transaction.atomic
def settle_revocation(*, revocation: Revocation, actor: Actor, reason: str) -> None:
    """Believe a person that an old credential is ended at its provider, or may stay: it is tried no more."""
    require_permission(actor, "connections.edit", revocation.connection)
    if not reason.strip():
        raise InvalidInput([{"path": "reason", "code": "reason.missing", "message": said("say why")}])
    if not Revocation.objects.filter(id=revocation.id).delete()[0]:
        raise Conflict(what=said("This old credential is being ended just now, or is ended already."))
    _record("connection.revocation_settled", revocation, actor, {"reason": reason.strip()[:300]})


def _claimed(row: Revocation) -> bool:
    """Whether this process is the one to try it now: the next try is an hour away from here."""
    again, tries = now() + AGAIN, row.tries + 1
    won = Revocation.objects.filter(id=row.id, due_at=row.due_at, tries=row.tries).update(due_at=again, tries=tries)
    row.due_at, row.tries = again, tries
    return bool(won)


def _problem_of(row: Revocation, actor: Actor) -> str:
    """Try it once; what stood in the way, and nothing where it is ended now."""
    connection = row.connection
    params = jsonio.loads(sealer_for(connection.workspace_id).open(bytes(row.sealed), _aad(row)))
    try:
        called(connection, HookCall(row.action, params), None)
    except IpaasError as error:
        if not isinstance(error, ProviderRefused) or error.code_told != "not_found":
            reason = error.reason if isinstance(error, ProviderRefused) else error.detail
            known = opened_from({str(place): text for place, text in enumerate(_texts(params))})
            return _failed(row, str(scrubbed(reason, known))[:500] or "it did not answer")
    with transaction.atomic():
        row_id = row.id
        if Revocation.objects.filter(id=row_id).delete()[0]:
            _record("connection.credential_revoked", row, actor, {})
    return ""


@transaction.atomic
def _failed(row: Revocation, problem: str) -> str:
    Revocation.objects.filter(id=row.id).update(problem=problem, failed_at=now())
    if row.tries % TOLD_EVERY == 1:
        _record("connection.revocation_failed", row, SYSTEM, {"problem": problem, "tries": row.tries})
    return problem


def _record(action: str, row: Revocation, actor: Actor, more: dict[str, Any]) -> None:
    connection = row.connection
    audit.record(
        action,
        actor=actor,
        workspace_id=connection.workspace_id,
        subject=("connection", connection.id, connection.slug),
        details={
            "action": row.action,
            "environment": connection.environment.slug,
            "secret": row.secret,
            "version": row.version,
            **more,
        },
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(one)


def _aad(row: Revocation) -> bytes:
    return b"revocation:" + row.id.bytes
