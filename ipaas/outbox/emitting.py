"""Telling others what happened: an event and the work of spreading it, in the transaction of the deed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection

from ipaas.core import context, providers
from ipaas.core.ids import uuid7
from ipaas.core.jobs import wake_on_commit
from ipaas.outbox.event_types import event_type
from ipaas.outbox.models import Mail, OutboxEvent

WANTED = "outbox.wanted"
"""Provider: the types of events that somebody listens to in a workspace."""
NOTICE, MAIL = 5, 7
"""Kinds of due work; see ``runtime.models.Work``."""
_LANE = 1
_QUEUE = """
INSERT INTO runtime_work (id, kind, lane, workspace_id, group_id, due_at) VALUES (%s, %s, %s, %s, %s, now())
"""


def emit(
    event: str,
    *,
    workspace_id: UUID,
    data: Mapping[str, Any],
    subject: str = "",
    source: str = "",
    environment_id: UUID | None = None,
) -> OutboxEvent | None:
    """Write an event of the platform's own in the caller's transaction; None when nobody listens to its type.

    ``data`` has the form that the type's schema says: ids and labels, never payloads or secrets.
    """
    event_type(event)
    if event not in providers.get(WANTED)(workspace_id):
        return None
    trace = context.trace.get()
    row = OutboxEvent.objects.create(
        id=uuid7(),
        workspace_id=workspace_id,
        environment_id=environment_id,
        type=event,
        subject=subject[:200],
        source=source[:200],
        trace_id=trace.trace_id if trace else "",
        data=dict(data),
    )
    queue(row.id, NOTICE, workspace_id)
    return row


def send_mail(*, to: str, subject: str, text: str, workspace_id: UUID | None = None) -> Mail:
    """Queue a mail in the caller's transaction; a worker sends it, again and again until it is taken."""
    mail = Mail.objects.create(to=to, subject=" ".join(subject.split())[:200], text=text, workspace_id=workspace_id)
    queue(mail.id, MAIL, workspace_id or mail.id)
    return mail


def queue(work_id: UUID, kind: int, group_id: UUID) -> None:
    """Make a row due now and wake the workers once the transaction is committed."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, [work_id, kind, _LANE, group_id, group_id])
        cursor.execute("SELECT pg_notify('ipaas_work', '')")
    wake_on_commit("default")
