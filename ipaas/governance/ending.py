"""The end of a version: deprecated with a reason, a date and what to use instead, then retired."""

import re
from datetime import date
from typing import Any, ClassVar

from django.db import transaction

from ipaas import audit
from ipaas.catalog.connector_models import ConnectorDocument, version_name
from ipaas.catalog.imports import users_of
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.document_types import DocumentType, document_type_of
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.core.references import reference_to, split_reference
from ipaas.flows.models import Deployment, Flow
from ipaas.governance.following import references_in as pinned_by_flow
from ipaas.governance.following import uses_of
from ipaas.mapping.models import MappingVersion
from ipaas.mapping.pins import KEYS, reaches, references_in

_REFERENCE = re.compile(r"[a-z0-9][a-z0-9-]{0,79}(@[1-9][0-9]{0,8})?\Z")


class StillUsed(Conflict):
    """{version} is still used by {users}."""

    code: ClassVar[str] = "version.used"
    remedy: ClassVar[str] = "Have these use another version, then retire it."


class StillReferredTo(Conflict):
    """{document} is referred to by {users}."""

    code: ClassVar[str] = "document.referred_to"
    remedy: ClassVar[str] = "Publish versions there that do not refer to it, retire those that do, then try again."


def refuse_held(document: VersionedDocument, number: int | None = None) -> None:
    """Raise ``StillReferredTo`` where others refer to a version of a document, None for any, and so hold it."""
    held = document_type_of(document).held_by(document, number)
    if held:
        name = document.slug if number is None else reference_to(document.slug, number)
        raise StillReferredTo(document=name, users=", ".join(held[:20]))


@transaction.atomic
def deprecate_version(
    *, version: DocumentVersion, actor: Actor, reason: str, sunset_on: date | None = None, replacement: str = ""
) -> DocumentVersion:
    """Warn everybody off a version; what uses it (``users_of_version``) goes on, nothing new is deployed with it.

    ``sunset_on``: until when it may be used. ``replacement``: what to use instead, ``slug`` or ``slug@version`` of the
    same kind. Said again, it replaces what was said before.
    """
    kind, row = _locked(version, actor)
    if row.state == DocumentVersion.State.RETIRED:
        raise Conflict(what=said("{slug}@{number} is retired.", slug=row.document.slug, number=row.number))
    if sunset_on is not None and sunset_on < now().date():
        raise _invalid("sunset_on", "date.past", said("is a day that has passed"))
    if replacement:
        _check_replacement(kind, row, replacement)
    row.state, row.state_reason = DocumentVersion.State.DEPRECATED, reason
    row.sunset_on, row.replacement = sunset_on, replacement
    details = {"reason": reason, "sunset_on": sunset_on.isoformat() if sunset_on else "", "replacement": replacement}
    return _ended(f"{kind.kind}.version_deprecated", row, actor, details)


@transaction.atomic
def retire_version(*, version: DocumentVersion, actor: Actor, reason: str) -> DocumentVersion:
    """End a version that nothing uses: it is neither deployed nor pinned any more. Raises ``StillUsed``.

    Runs that began with it still end with it, and it stays to be read.
    """
    kind, row = _locked(version, actor)
    refuse_held(row.document, row.number)
    users = users_of_version(row)
    if users:
        raise StillUsed(version=f"{row.document.slug}@{row.number}", users=", ".join(users))
    row.state, row.state_reason = DocumentVersion.State.RETIRED, reason
    return _ended(f"{kind.kind}.version_retired", row, actor, {"reason": reason})


def users_of_version(version: DocumentVersion) -> list[str]:
    """What uses a version: deployed flows as ``flow (environment)``, mappings and functions by kind and slug."""
    document = version.document
    if isinstance(document, Flow):
        rows = document.deployments.filter(active=True, version_id=version.id).select_related("environment")
        return [f"{document.slug} ({row.environment.slug})" for row in rows]
    kind = document_type_of(document)
    if kind.kind in KEYS:
        return [*kind.held_by(document, version.number), *_running(kind.kind, version)]
    if isinstance(document, ConnectorDocument):
        return [
            f"connection {one}"
            for one in users_of(document.slug, document.workspace).get(version_name(version.number), [])
        ]
    found = (one for one in uses_of(document, base=version.number) if version.number in one.numbers)
    return [f"{one.deployment.flow.slug} ({one.deployment.environment.slug})" for one in found]


def _running(kind: str, version: DocumentVersion) -> list[str]:
    """Deployed flows whose mappings come to it otherwise, as ``mapping@number of flow (environment)``."""
    document, found = version.document, []
    rows = Deployment.objects.in_workspace(document.workspace_id).running()
    for row in rows.select_related("flow", "version", "environment"):
        mappings = {one[1:] for one in pinned_by_flow(row.version.content) if one[0] == "mapping"}
        for slug, number in sorted(mappings):
            mapping = MappingVersion.objects.of(document.workspace_id, slug, number)
            newest = mapping is not None and mapping.document.latest_version == number
            if mapping is None or (newest and not mapping.document.archived and _direct(mapping, kind, version)):
                continue
            if reaches(document.workspace_id, mapping.content, kind, document.slug, version.number):
                found.append(f"{slug}@{number} of {row.flow.slug} ({row.environment.slug})")
    return found


def _direct(mapping: MappingVersion, kind: str, version: DocumentVersion) -> bool:
    """Whether a mapping names it itself, and is told of as such."""
    return version.number in references_in(mapping.content, KEYS[kind], version.document.slug).values()


def _locked(version: DocumentVersion, actor: Actor) -> tuple[DocumentType, DocumentVersion]:
    kind = document_type_of(version.document)
    require_permission(actor, f"{kind.permission}.publish", version.document)
    kind.documents.select_for_update().get(id=version.document_id)  # a deployment of it waits, or is seen
    found = kind.versions.select_related("document").filter(id=version.id).first()
    if found is None:
        raise NotFound(what=f"{kind.kind} version")
    row: DocumentVersion = found
    return kind, row


def _check_replacement(kind: DocumentType, version: DocumentVersion, replacement: str) -> None:
    workspace_id = version.document.workspace_id
    if not _REFERENCE.match(replacement) or not kind.versions.pinnable(workspace_id, *split_reference(replacement)):
        message = said("there is no published {kind} {reference!r}", kind=kind.kind, reference=replacement[:120])
        raise _invalid("replacement", "replacement.unknown", message)
    if replacement == f"{version.document.slug}@{version.number}":
        raise _invalid("replacement", "replacement.self", said("a version does not replace itself"))


def _ended(action: str, version: DocumentVersion, actor: Actor, details: dict[str, Any]) -> DocumentVersion:
    version.save(update_fields=["state", "state_reason", "sunset_on", "replacement"])
    document = version.document
    audit.record(
        action,
        actor=actor,
        workspace_id=document.workspace_id,
        subject=(document_type_of(document).kind, str(document.id), document.slug),
        details={"version": version.number, **details},
    )
    return version


def _invalid(path: str, code: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": path, "code": code, "message": message}])
