"""Connectors made of a vendor's own description: looked at first, then held ready to be published as a version."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

import zstandard
from django.db import transaction

from ipaas import audit
from ipaas.accounts.actors import identity_of
from ipaas.accounts.models import Workspace
from ipaas.catalog import drafts
from ipaas.catalog.connector_document import content_of, manifest_sha256
from ipaas.catalog.connector_models import ConnectorProposal, pack_manifest
from ipaas.catalog.models import Connection, ImportDraft, ImportedConnector
from ipaas.catalog.registry import connectors, imported_connector
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import said
from ipaas.sdk.manifest_changes import ManifestChange, changes_between
from ipaas.sdk.openapi import Imported
from ipaas.sdk.openapi.apart import SMALL_BYTES, cleaned_apart, packed, read_apart
from ipaas.sdk.openapi.sources import Cleaned

_SLUG = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")
MAX_BYTES = 24 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an import would make; ``known`` is the version that has this very source already."""

    slug: str
    imported: Imported
    source_sha256: str
    previous: ImportedConnector | None
    known: ImportedConnector | None
    changes: tuple[ManifestChange, ...]

    @property
    def breaking(self) -> bool:
        return any(change.breaking for change in self.changes)


def propose_import(
    *,
    workspace: Workspace,
    slug: str,
    source: bytes,
    actor: Actor,
    category: str = "generic",
    source_url: str = "",
    kind: str = "",
) -> Proposal:
    """What a description would become and how that differs from the version there is; stores nothing.

    Raises InvalidInput for a slug that can not be taken, OpenApiUnreadable and ManifestInvalid for the description.
    """
    given = _checked(workspace, slug, source, actor, kind)
    made = read_apart(given.source, slug=slug, category=category, source_url=_address(source_url))
    return _proposal(workspace, slug, made, given.digest)


def _proposal(workspace: Workspace, slug: str, made: Imported, digest: str) -> Proposal:
    versions = ImportedConnector.objects.in_workspace(workspace.id).filter(slug=slug)
    previous = versions.select_related("released").defer("packed").order_by("-number").first()
    same = previous is not None and previous.source_sha256 == digest and previous.state != "retired"
    known = previous if same else None
    changes = changes_between(imported_connector(previous.id).manifest, made.manifest) if previous is not None else ()
    return Proposal(slug, made, digest, previous, known, tuple(changes))


def _address(url: str) -> str:
    """What may be kept of the address that a description came from: its query may hold what opens it."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _checked(workspace: Workspace, slug: str, source: bytes, actor: Actor, kind: str) -> Cleaned:
    require_permission(actor, "connectors.edit", workspace)
    _check_slug(slug)
    if len(source) > MAX_BYTES:
        message = said("is at most {most} MB", most=MAX_BYTES // 1024 // 1024)
        raise InvalidInput([{"path": "source", "code": "source.too_large", "message": message}])
    return cleaned_apart(source, kind)


# -- drafts --------------------------------------------------------------------------------------------------------


def draft_import(
    *,
    workspace: Workspace,
    slug: str,
    source: bytes,
    actor: Actor,
    category: str = "generic",
    source_url: str = "",
    kind: str = "",
    wait: bool = True,
) -> ImportDraft:
    """Keep a description to be looked at, in place of an earlier one of the name. Raises as ``propose_import``.

    Without ``wait`` a large one is read by a thread of this process, and what is wrong with it is told in the draft.
    """
    given = _checked(workspace, slug, source, actor, kind)
    values: dict[str, Any] = {
        "category": category,
        "source_url": _address(source_url)[:500],
        "kind": given.kind,
        "packed": zstandard.compress(given.source, level=9),
        "created_by": actor.label[:200],
        "person": identity_of(actor.kind, actor.id),
    }
    if wait or len(given.source) <= SMALL_BYTES:
        made = read_apart(given.source, slug=slug, category=category, source_url=_address(source_url))
        return _store(workspace, slug, {**values, "state": ImportDraft.State.READY, "result": packed(made)})
    draft = _store(workspace, slug, {**values, "state": ImportDraft.State.READING, "result": None})
    transaction.on_commit(lambda: drafts.begin(draft.id))
    return draft


@transaction.atomic
def _store(workspace: Workspace, slug: str, values: dict[str, Any]) -> ImportDraft:
    fresh = {"phase": "", "done": 0, "total": 0, "problem": "", "reading_until": None}
    draft, _ = ImportDraft.objects.update_or_create(workspace=workspace, slug=slug, defaults={**fresh, **values})
    return draft


def proposal_of(*, draft: ImportDraft, actor: Actor) -> Proposal:
    """What a draft would make now; raises ImportNotRead."""
    require_permission(actor, "connectors.edit", draft)
    return _proposal(draft.workspace, draft.slug, drafts.outcome(draft), _digest(draft.source))


@transaction.atomic
def propose_draft(*, draft: ImportDraft, actor: Actor) -> dict[str, Any]:
    """Hold what a draft would become ready to be published, in place of what was held ready before.

    Returns the document that stands for it, which is published like any other; the draft is gone. Raises
    ImportNotRead.
    """
    require_permission(actor, "connectors.edit", draft)
    _check_slug(draft.slug)
    found = proposal_of(draft=draft, actor=actor)
    made = found.imported
    row, _ = ConnectorProposal.objects.update_or_create(
        workspace=draft.workspace,
        slug=draft.slug,
        defaults={
            "kind": draft.kind,
            "dialect": made.dialect,
            "source_url": draft.source_url,
            "source_sha256": found.source_sha256,
            "packed": pack_manifest(made.document),
            "manifest_sha256": manifest_sha256(made.document),
            "groups": dict(made.groups),
            "findings": [asdict(finding) for finding in made.findings],
            "action_count": len(made.manifest.actions),
            "created_by": draft.created_by,
            "person": draft.person,
            **_told(made.document),
        },
    )
    details = {"operations": row.action_count, "breaking": found.breaking, "url": draft.source_url}
    audit.record(
        "connector.imported",
        actor=actor,
        workspace_id=draft.workspace_id,
        subject=("connector", row.id, draft.slug),
        details=details,
    )
    draft.delete()
    return content_of(row)


def discard_draft(*, draft: ImportDraft, actor: Actor) -> None:
    """Forget a draft."""
    require_permission(actor, "connectors.edit", draft)
    draft.delete()


def users_of(slug: str, workspace: Workspace) -> dict[str, list[str]]:
    """The connections over a connector, by the version that they are pinned to."""
    found: dict[str, list[str]] = {}
    rows = Connection.objects.in_workspace(workspace.id).filter(connector=slug).select_related("environment")
    for row in rows.order_by("slug", "environment__slug"):
        found.setdefault(row.connector_version, []).append(f"{row.slug} in {row.environment.slug}")
    return found


def version_changes(*, before: ImportedConnector, after: ImportedConnector) -> tuple[ManifestChange, ...]:
    """What differs for those who move from one version to another, breaking changes first."""
    return tuple(changes_between(imported_connector(before.id).manifest, imported_connector(after.id).manifest))


def _digest(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()


def _told(document: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(document[key]) for key in ("title", "summary", "category", "api_version")}


def _check_slug(slug: str) -> None:
    message = ""
    if not _SLUG.match(slug) or len(slug) > 60:
        message = said("use lower-case letters, digits and hyphens, at most 60, a letter first")
    elif slug in connectors():
        message = said("is the name of a connector of this installation; choose another")
    if message:
        raise InvalidInput([{"path": "slug", "code": "slug.invalid", "message": message}])
