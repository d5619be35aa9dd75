"""The way out of the vault for outbound calls. Only the gateway's package may import this module.

Opened values stay in the memory of the process for ``KEEP_S`` seconds, so that a busy connection costs one query per
process and that time; a revoked or replaced version is used no longer than that.
"""

from collections import OrderedDict
from threading import Lock
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from ipaas.vault.errors import SecretNotFound, SecretUnusable
from ipaas.vault.models import Secret, SecretVersion
from ipaas.vault.reads import SecretRead, note_read
from ipaas.vault.versions import open_version

KEEP_S = 5.0
MOST_KEPT = 512


class _Opened(NamedTuple):
    until: float
    read: SecretRead
    values: dict[str, str]


_opened: OrderedDict[tuple[UUID, str], _Opened] = OrderedDict()
_lock = Lock()


def open_secret(workspace_id: UUID, slug: str, *, purpose: str, flow_label: str = "") -> dict[str, str]:
    """The fields of the live version; counted and audited. May query: not on an event loop.

    ``purpose`` says what for (an action, a token refresh, a connection test), ``flow_label`` which flow.
    Raises ``SecretNotFound``, ``SecretUnusable``, ``SealBroken``, a ``KeyProblem`` or ``BackendUnavailable``.
    """
    known = peek_secret(workspace_id, slug, purpose=purpose, flow_label=flow_label)
    if known is not None:
        return known
    secret = Secret.objects.in_workspace(workspace_id).usable().filter(slug=slug).first()
    if secret is None:
        raise SecretNotFound(slug=slug)
    version = secret.versions.select_related("secret").filter(state=SecretVersion.State.LIVE).first()
    if version is None:
        raise SecretUnusable(slug=slug)
    version, values = open_version(version)
    read = SecretRead(workspace_id, secret.id, slug, version.number)
    note_read(read, purpose=purpose, flow_label=flow_label)
    _keep((workspace_id, slug), _Opened(monotonic() + KEEP_S, read, values))
    return dict(values)


def peek_secret(workspace_id: UUID, slug: str, *, purpose: str, flow_label: str = "") -> dict[str, str] | None:
    """Like ``open_secret`` (and counted alike) when the value is at hand, else None. Never queries."""
    with _lock:
        found = _opened.get((workspace_id, slug))
    if found is None or found.until < monotonic():
        return None
    note_read(found.read, purpose=purpose, flow_label=flow_label)
    return dict(found.values)


def forget_opened(workspace_id: UUID, slug: str) -> None:
    """Drop a value from this process's memory at once."""
    with _lock:
        _opened.pop((workspace_id, slug), None)


def forget_all() -> None:
    with _lock:
        _opened.clear()


def _keep(key: tuple[UUID, str], opened: _Opened) -> None:
    with _lock:
        _opened[key] = opened
        _opened.move_to_end(key)
        while len(_opened) > MOST_KEPT:
            _opened.popitem(last=False)
