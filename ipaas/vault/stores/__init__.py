"""Where values of secrets are kept: one small interface, and which store a version belongs to."""

from collections.abc import Callable, Mapping
from uuid import UUID

from ipaas.vault.errors import BackendMissing
from ipaas.vault.models import Backend, StoreKind
from ipaas.vault.stores.base import Held, Store
from ipaas.vault.stores.builtin import BuiltinStore
from ipaas.vault.stores.kv import KvStore
from ipaas.vault.stores.mounted import EnvironmentStore, FileStore
from ipaas.vault.stores.transit import TransitStore

__all__ = ["WRITABLE", "Held", "Store", "chosen_kind", "store_at", "store_for"]

WRITABLE = frozenset({StoreKind.BUILTIN, StoreKind.TRANSIT, StoreKind.OPENBAO})
_KINDS: Mapping[StoreKind, Callable[[Backend], Store]] = {
    StoreKind.TRANSIT: TransitStore,
    StoreKind.OPENBAO: KvStore,
    StoreKind.ENVIRONMENT: EnvironmentStore,
    StoreKind.FILE: FileStore,
}


def store_for(workspace_id: UUID, kind: str) -> Store:
    """The store of a kind as the workspace has set it up; raises ``BackendMissing`` where it has not."""
    if kind == StoreKind.BUILTIN:
        return BuiltinStore()
    rows = Backend.objects.select_related("workspace", "login").filter(workspace_id=workspace_id, kind=kind)
    row = rows.first()
    if row is None:
        raise BackendMissing(kind=kind)
    return store_at(row)


def store_at(backend: Backend) -> Store:
    """The store that a row describes."""
    return _KINDS[StoreKind(backend.kind)](backend)


def chosen_kind(workspace_id: UUID) -> str:
    """Where the workspace keeps what is entered from now on."""
    found = Backend.objects.filter(workspace_id=workspace_id, chosen=True).values_list("kind", flat=True).first()
    return found or StoreKind.BUILTIN
