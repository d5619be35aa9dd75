"""The connectors there are: those of this installation, and those that a workspace imported."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from threading import Lock
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from ipaas.catalog.connector_models import ConnectorDocument
from ipaas.catalog.errors import ConnectorMissing, ConnectorVersionRetired
from ipaas.catalog.kept_code import keep_code
from ipaas.catalog.models import Connection, ImportedConnector
from ipaas.catalog.releases import release_of
from ipaas.config import ROOT, settings
from ipaas.core.errors import NotFound
from ipaas.core.logging import get_logger
from ipaas.sdk.connector import Connector
from ipaas.sdk.loader import Survey, survey
from ipaas.sdk.manifest import Manifest
from ipaas.sdk.manifest_reader import parse_manifest

log = get_logger(__name__)

FOLDER = ROOT / "connectors"
MOST_KEPT = 24
"""Imported connectors that a process keeps ready; one of a thousand operations is some megabytes."""

_kept: "OrderedDict[UUID, Connector]" = OrderedDict()
_lock = Lock()


@lru_cache(maxsize=1)
def installed() -> Survey:
    """What this installation has: its own folder, those of the settings and packages; read once per process.

    What others wrote and can not be loaded is told, and keeps nothing else from working.
    """
    found = survey([FOLDER, *settings().connector_folders])
    for one in found.unloaded:
        log.error("a connector can not be loaded", action="connector_unloadable", place=one.place, reason=one.reason)
    keep_code(found.connectors.values())
    return found


def connectors() -> Mapping[str, Connector]:
    """All connectors of the installation by slug."""
    return installed().connectors


def connector_of(row: Connection) -> Connector:
    """The connector of a connection, an imported one in the version that the connection is pinned to.

    Raises ConnectorMissing.
    """
    return connector_in(row.workspace_id, row.connector, row.connector_version)


def connector_in(workspace_id: UUID, slug: str, version: str = "") -> Connector:
    """A connector that a workspace can use, the newest or that version: of the installation, else imported.

    Without a version it is the newest that nobody is warned off; a retired one is given to those who name it only.
    Raises ConnectorMissing.
    """
    found = connectors().get(slug)
    if found is not None:
        return release_of(found, version)
    row_id = _versions(workspace_id, slug, version).values_list("id", flat=True).first()
    if row_id is None:
        raise ConnectorMissing(connector=f"{slug} {version}".strip())
    return imported_connector(row_id)


def imported_version(workspace_id: UUID, slug: str, version: str = "") -> ImportedConnector:
    """A version of an imported connector, the newest unless one is named; raises NotFound."""
    row = _versions(workspace_id, slug, version).first()
    if row is None:
        raise NotFound(what="imported connector")
    return row


def _versions(workspace_id: UUID, slug: str, version: str) -> QuerySet[ImportedConnector]:
    rows = ImportedConnector.objects.in_workspace(workspace_id).filter(slug=slug)
    number = version.partition(".")[0]
    if version:
        rows = rows.filter(number=int(number) if number.isdecimal() and len(number) < 10 else 0)
    else:
        current = rows.exclude(released__state__in=["deprecated", "retired"])
        rows = current if current.exists() else rows.usable()
    return rows.order_by("-number")


def require_pinnable(workspace_id: UUID, slug: str, version: str) -> None:
    """Refuse a version that is retired, and keep it from being retired until the transaction ends."""
    if slug in connectors():
        return
    list(ConnectorDocument.objects.select_for_update().filter(workspace_id=workspace_id, slug=slug))
    row = _versions(workspace_id, slug, version).select_related("released").defer("packed").first()
    if row is not None and row.state == "retired":
        raise ConnectorVersionRetired(connector=slug, version=version)


def has_other_version(row: Connection) -> bool:
    """Whether a connection might be moved: its connector is imported, or installed in another version than its own."""
    present = connectors().get(row.connector)
    return present is None or present.manifest.version != row.connector_version


def known_connector(workspace_id: UUID, slug: str, version: str = "") -> Connector:
    """Like ``connector_in`` for those who ask for a connector by its address; raises NotFound."""
    try:
        return connector_in(workspace_id, slug, version)
    except ConnectorMissing as error:
        raise NotFound(what="connector") from error


def imported_connector(row_id: UUID) -> Connector:
    """A version of an imported connector, kept ready in this process."""
    with _lock:
        found = _kept.get(row_id)
        if found is not None:
            _kept.move_to_end(row_id)
            return found
    made = read_imported(ImportedConnector.objects.get(id=row_id))
    with _lock:
        _kept[row_id] = made
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return made


def read_imported(row: ImportedConnector) -> Connector:
    return Connector(parse_manifest({**row.document, "version": row.version}))


def policy_of(manifest: Manifest, action: str = "") -> dict[str, Any]:
    """A manifest's own values in the form of a policy object."""
    policy: dict[str, Any] = {}
    limit = manifest.rate_limit
    if limit is not None:
        rate = {"per_second": limit.rate, "burst": limit.burst, "daily_quota": limit.daily_quota}
        policy["rate"] = {key: value for key, value in rate.items() if value is not None}
    if manifest.concurrency is not None:
        policy["concurrency"] = manifest.concurrency
    spec = manifest.actions.get(action)
    timeout = spec.timeout_s if spec is not None and spec.timeout_s is not None else manifest.timeout_s
    if timeout is not None:
        policy["timeout_s"] = timeout
    retry = manifest.retry
    values = {"max_attempts": retry.attempts, "base_s": retry.base_s, "cap_s": retry.cap_s}
    if any(value is not None for value in values.values()):
        policy["retry"] = {key: value for key, value in values.items() if value is not None}
    return policy
