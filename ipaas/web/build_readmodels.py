"""What the templates of the building pages are given besides ``web.readmodels``; the same rules hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ipaas.runtime.clocks import Clock
from ipaas.web.readmodels import Json, Link


@dataclass(frozen=True)
class DocumentRow:
    """A mapping or a schema in its list; ``part_of`` is the document that holds it inline."""

    slug: str
    url: str
    title: str
    latest_version: int
    updated_at: datetime
    part_of: Link | None = None
    archived: bool = False
    draft_revision: int = 0


@dataclass(frozen=True)
class DeploymentRow:
    """Where a version runs; ``address`` is where a webhook's sender posts to, ``clock`` that of a schedule or poll."""

    environment: str
    environment_slug: str
    version: int
    previous_version: int | None
    active: bool
    deployed_by: str
    deployed_at: datetime
    address: str = ""
    endpoint: Link | None = None
    clock: Clock | None = None


@dataclass(frozen=True)
class UseRow:
    """What uses something: its kind in words and its title; ``tags`` say where, and which version."""

    kind: str
    title: str
    url: str
    tags: Sequence[str] = ()

    def __str__(self) -> str:
        return f"{self.title} ({', '.join((self.kind, *self.tags))})"


@dataclass(frozen=True)
class SecretRow:
    slug: str
    url: str
    description: str
    kind: str
    version: int
    state: str
    updated_at: datetime
    expires_at: datetime | None
    last_read_at: datetime | None
    used_by: Sequence[UseRow] = ()
    held: int = 1
    store: str = ""
    rotation_due_at: datetime | None = None
    rotation_overdue: bool = False


@dataclass(frozen=True)
class FieldRow:
    """A field of a mapping: the target, how it is made, and what came out of the sample."""

    target: str
    expression: str
    note: str = ""
    value: Json = None
    error: str = ""


@dataclass(frozen=True)
class EndpointRow:
    """``started`` are the runs of a receipt's flows; times are of the newest receipt."""

    slug: str
    url: str
    title: str
    environment: str
    address: str
    scheme: str
    signed: bool
    state: str
    last_at: datetime | None = None


@dataclass(frozen=True)
class ReceiptRow:
    """A delivery without its content, and the runs that it started."""

    id: str
    at: datetime
    state: str
    delivery_id: str
    event: str
    note: str
    trace_id: str
    runs: Sequence[Link] = ()
    url: str = ""
