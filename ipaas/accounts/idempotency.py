"""Doing a deed once for one ``Idempotency-Key``: the first answer is kept and given again."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.utils.crypto import salted_hmac

from ipaas.accounts.models import KeptAnswer
from ipaas.core.actor import Actor
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, IpaasError, NotFound

KEPT_FOR = timedelta(hours=48)
"""How long an answer is given again; afterwards the key counts as new."""
FORGET_AT_ONCE = 100
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class KeyInFlight(Conflict):
    """A request with the Idempotency-Key {key} is under way at this moment."""

    code = "idempotency.in_flight"
    title = "Request under way"
    remedy = "Wait a moment and send the very same request again."


class KeyReused(IpaasError):
    """The Idempotency-Key {key} came before with another body."""

    status = 422
    code = "idempotency.reused"
    title = "Idempotency key reused"
    remedy = "Use a new key for a new request; repeat a key only with the very same body."


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; ``repeated`` says that no deed was done for it this time.

    ``kept`` is what is kept of it and given again, the body itself without it: a key that is shown once is not kept.
    """

    status: int
    body: bytes
    repeated: bool = False
    kept: bytes | None = None


def check_key(key: str) -> str:
    """A key is 1 to 200 visible ASCII characters; anything else raises ``InvalidInput``."""
    if _KEY.fullmatch(key) is None:
        message = "an Idempotency-Key is 1 to 200 visible ASCII characters"
        raise InvalidInput([{"path": "Idempotency-Key", "code": "idempotency.key", "message": message}])
    return key


def answer_once(*, actor: Actor, route: str, key: str, body: bytes, deed: Callable[[], Answer]) -> Answer:
    """The kept answer of a key, else the deed's, kept in the deed's transaction.

    Only a success is kept: what raises or is refused has changed nothing, and the same request may be sent again.
    Raises ``KeyInFlight`` while another transaction has the key, ``KeyReused`` for another body.
    """
    if actor.workspace_id is None:
        raise NotFound(what="workspace")
    principal, digest = f"{actor.kind}:{actor.id}", _fingerprint(body)
    with transaction.atomic():
        _take(f"{actor.workspace_id}/{principal}/{route}/{key}", key)
        scope = KeptAnswer.objects.filter(workspace_id=actor.workspace_id, principal=principal, route=route, key=key)
        kept = scope.first()
        if kept is not None and kept.created_at > now() - KEPT_FOR:
            if bytes(kept.request_sha256) != digest:
                raise KeyReused(key=key)
            return Answer(kept.status, bytes(kept.body), repeated=True)
        answer = deed()
        if answer.status < 400:
            scope.update_or_create(
                workspace_id=actor.workspace_id,
                principal=principal,
                route=route,
                key=key,
                defaults={
                    "request_sha256": digest,
                    "status": answer.status,
                    "body": answer.body if answer.kept is None else answer.kept,
                    "created_at": now(),
                },
            )
            forget_old_answers()
        else:
            transaction.set_rollback(True)
        return answer


def forget_old_answers(limit: int = FORGET_AT_ONCE) -> int:
    """Delete some answers past their time; every new one pays for a few old ones."""
    old = KeptAnswer.objects.filter(created_at__lt=now() - KEPT_FOR).order_by("created_at")
    ids = old.select_for_update(skip_locked=True).values_list("id", flat=True)[:limit]
    return KeptAnswer.objects.filter(id__in=list(ids)).delete()[0]


def _fingerprint(body: bytes) -> bytes:
    """Keyed, since a body may hold a secret that is short enough to be guessed from a plain digest."""
    return salted_hmac("ipaas.idempotency", body, algorithm="sha256").digest()


def _take(scope: str, key: str) -> None:
    """Hold the key until the transaction ends; a crash lets it go."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 7))", [scope])
        row = cursor.fetchone()
    if not row or not row[0]:
        raise KeyInFlight(key=key)
