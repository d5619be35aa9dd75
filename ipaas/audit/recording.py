"""Adding entries: in the transaction of the deed, so that there is no deed without its entry."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from ipaas.audit.actions import known_action
from ipaas.core import context
from ipaas.core.actor import Actor
from ipaas.core.clock import now
from ipaas.core.ids import uuid7

if TYPE_CHECKING:
    from ipaas.audit.models import AuditEntry

Subject = tuple[str, Any, str]
LABEL_LENGTH = 300
Recorded = Callable[["Sequence[AuditEntry]"], None]
_recorded: list[Recorded] = []


def on_recorded(callback: Recorded) -> None:
    """Have ``callback`` called with new entries, in the transaction of their deeds."""
    _recorded.append(callback)


class EntryRow(NamedTuple):
    """One entry before it is numbered; the order of fields is the order of the columns of every INSERT."""

    id: UUID
    workspace_id: UUID | None
    created_at: datetime
    action: str
    outcome: str
    actor_kind: str
    actor_id: str
    actor_label: str
    actor_ip: str
    subject_type: str
    subject_id: str
    subject_label: str
    correlation_id: str
    details: dict[str, Any]


def record(
    action: str,
    *,
    actor: Actor,
    workspace_id: UUID | None,
    subject: Subject | None = None,
    details: Mapping[str, Any] | None = None,
    outcome: str = "ok",
    correlation_id: str = "",
) -> "AuditEntry":
    """Add an entry in the caller's transaction.

    ``subject`` is (type, id, label). ``details`` holds ids, counts, names and settings: never a payload, a secret or
    what a mapping made. ``workspace_id`` None is the chain of the platform. An unknown action raises ``LookupError``.
    """
    row = entry_row(
        action,
        actor=actor,
        workspace_id=workspace_id,
        subject=subject,
        details=details,
        outcome=outcome,
        correlation_id=correlation_id,
    )
    return record_rows([row])[0]


def record_rows(rows: Iterable[EntryRow]) -> "list[AuditEntry]":
    """Add entries made by ``entry_row`` with one INSERT."""
    from ipaas.audit.models import AuditEntry  # models are not importable while this package is first imported

    entries = AuditEntry.objects.bulk_create([AuditEntry(**row._asdict()) for row in rows])
    for callback in _recorded:
        callback(entries)
    return entries


def entry_row(
    action: str,
    *,
    actor: Actor,
    workspace_id: UUID | None,
    subject: Subject | None = None,
    details: Mapping[str, Any] | None = None,
    outcome: str = "ok",
    correlation_id: str = "",
) -> EntryRow:
    """The row of one entry, for writers that insert many at once; see ``record`` for the arguments."""
    kind, subject_id, label = subject or ("", "", "")
    return EntryRow(
        id=uuid7(),
        workspace_id=workspace_id,
        created_at=now(),
        action=known_action(action),
        outcome=outcome,
        actor_kind=actor.kind,
        actor_id=_text(actor.id),
        actor_label=_text(actor.label),
        actor_ip=_text(actor.ip or ""),
        subject_type=kind,
        subject_id=_text(str(subject_id)),
        subject_label=_text(label),
        correlation_id=_text(correlation_id or context.correlation_id.get()),
        details={_text(str(key)): _plain(value) for key, value in (details or {}).items()},
    )


def _text(value: str) -> str:
    """What PostgreSQL can store: no NUL, no lone surrogate, bounded."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()[:LABEL_LENGTH]


def _plain(value: Any) -> Any:
    """JSON of the same meaning: times as ISO 8601; decimals, fractions and ids as text.

    Only whole numbers stay numbers, so that the hashed form is the same in every language.
    """
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return int(value) if value.is_integer() else repr(value)
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal | timedelta):
        return str(value)
    message = f"{type(value).__name__} can not stand in the details of an audit entry"
    raise TypeError(message)
