"""Versions of installed connectors: what a connection was pinned to keeps running after the connector was updated.

The manifest of a version is kept in the database from the moment that a connection is pinned to it, its connector.py as
a copy on each host that had it installed (``kept_code``). Where that copy is missing, calls are refused: other code may
do other things.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

from ipaas.catalog.connector_models import pack_manifest
from ipaas.catalog.errors import ConnectorCodeMissing, ConnectorMissing
from ipaas.catalog.kept_code import digest_of, kept_handlers
from ipaas.catalog.models import Connection, KeptRelease
from ipaas.core import jsonio
from ipaas.sdk.connector import Connector, Handler
from ipaas.sdk.functions.folders import PROTOCOL
from ipaas.sdk.manifest_changes import ManifestChange, changes_between
from ipaas.sdk.manifest_reader import parse_manifest


def keep_release(connector: Connector) -> None:
    """Keep an installed connector's version; a changed one under the same version replaces it."""
    manifest = connector.manifest
    document = dict(manifest.document)
    values = {
        "sha256": jsonio.sha256_of(document).hex(),
        "packed": pack_manifest(document),
        "code_sha256": digest_of(connector),
    }
    row, made = KeptRelease.objects.get_or_create(slug=manifest.slug, version=manifest.version, defaults=values)
    if not made and (row.sha256, row.code_sha256) != (values["sha256"], values["code_sha256"]):
        KeptRelease.objects.filter(id=row.id).update(**values)


def keep_pinned(installed: Callable[[], Mapping[str, Connector]]) -> None:
    """Keep what connections are pinned to already; run after migrations, before the next update can replace it."""
    pinned = set(Connection.objects.values_list("connector", "connector_version").distinct())
    for slug, connector in installed().items() if pinned else ():
        if (slug, connector.manifest.version) in pinned:
            keep_release(connector)


def release_of(installed: Connector, version: str) -> Connector:
    """An installed connector in the version that a connection is pinned to.

    One that was never kept is the installed one. Raises ConnectorMissing where its code no longer knows an action, and
    ConnectorCodeMissing where this host has not the code of that version.
    """
    slug = installed.manifest.slug
    if not version or version == installed.manifest.version:
        return installed
    try:
        found, code = _kept(slug, version)
    except KeptRelease.DoesNotExist:
        return installed
    manifest, handlers = found.manifest, _handlers(installed, found, code)
    if handlers is None:
        raise ConnectorCodeMissing(connector=slug, version=version, installed=installed.manifest.version)
    handlers = {name: one for name, one in handlers.items() if name in manifest.actions}
    if manifest.protocol != "http" and manifest.actions.keys() - handlers.keys():
        raise ConnectorMissing(connector=f"{slug} {version}")
    return Connector(manifest, handlers) if handlers else found


def _handlers(installed: Connector, found: Connector, code: str) -> Mapping[str, Handler] | None:
    """The handlers of a version whose code has this hash; the installed ones where the row does not know it yet."""
    if not code or code == digest_of(installed):
        return installed.handlers
    is_python = found.manifest.protocol == PROTOCOL
    return kept_handlers(installed.slug, code, tuple(found.manifest.actions) if is_python else ())


def release_changes(installed: Connector, version: str) -> tuple[ManifestChange, ...]:
    """What a connection meets that moves from a version to the installed one, breaking changes first."""
    before = release_of(installed, version)
    return () if before is installed else tuple(changes_between(before.manifest, installed.manifest))


@lru_cache(maxsize=64)
def _kept(slug: str, version: str) -> tuple[Connector, str]:
    row = KeptRelease.objects.get(slug=slug, version=version)
    return Connector(parse_manifest(row.document)), row.code_sha256
