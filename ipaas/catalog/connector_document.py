"""Connectors of a workspace as documents: their content names the manifest by its hash."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, cast
from uuid import UUID

from django.utils.translation import gettext_noop

from ipaas.catalog.connector_models import ConnectorDocument, ConnectorProposal, ConnectorVersion, MadeOfDescription
from ipaas.catalog.models import ImportedConnector
from ipaas.core import jsonio
from ipaas.core.actor import Actor
from ipaas.core.document_forms import Change, Finding, difference, pointer
from ipaas.core.document_types import Check, CheckResult, DocumentType
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.errors import Conflict
from ipaas.core.phrases import said
from ipaas.ownership.naming import domain_findings
from ipaas.sdk.manifest import ActionSpec, Manifest
from ipaas.sdk.manifest_changes import ManifestChange, changes_between
from ipaas.sdk.manifest_reader import parse_manifest
from ipaas.sdk.quality import Facts, judge

KIND = "connector"
TOLD = ("title", "category", "api_version", "source_url", "source_sha256")
"""What content and manifest share by name."""
ASIDE = frozenset({"actions", "triggers", "stub", "version", "slug", "manifest_version"})
OPERATIONS = ("actions.", "triggers.")
COPIED = tuple(field.name for field in MadeOfDescription._meta.local_fields)  # noqa: SLF001 - Django's documented API


def manifest_sha256(document: Mapping[str, Any]) -> str:
    return jsonio.sha256_of(dict(document)).hex()


def content_of(proposal: ConnectorProposal) -> dict[str, Any]:
    """The document that stands for a proposal."""
    return {
        "kind": KIND,
        "slug": proposal.slug,
        "description": proposal.summary,
        **{name: getattr(proposal, name) for name in TOLD},
        "description_kind": proposal.kind,
        "operations": proposal.action_count,
        "manifest_sha256": proposal.manifest_sha256,
    }


def made_of(content: Mapping[str, Any], workspace_id: UUID) -> MadeOfDescription | None:
    """The manifest that a content names: one that waits to be published, or the newest published one of that hash."""
    wanted = str(content.get("manifest_sha256", ""))
    own = {"workspace_id": workspace_id, "slug": str(content.get("slug", ""))}
    waiting = ConnectorProposal.objects.filter(**own, manifest_sha256=wanted).first()
    if waiting is not None:
        return waiting
    rows = ImportedConnector.objects.filter(**own, released__content__manifest_sha256=wanted)
    return rows.order_by("-number").first()


def manifest_of(content: Mapping[str, Any] | None, workspace_id: UUID) -> Manifest | None:
    """What a content stands for; None where it is not here."""
    found = made_of(content, workspace_id) if content is not None else None
    return parse_manifest({**found.document, "version": "1.0.0"}) if found is not None else None


def manifest_changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], workspace_id: UUID
) -> tuple[ManifestChange, ...]:
    """What differs for those who use it, breaking changes first; nothing for a first version."""
    if before is None:
        return ()
    was, becomes = manifest_of(before, workspace_id), manifest_of(after, workspace_id)
    return tuple(changes_between(was, becomes)) if was is not None and becomes is not None else ()


def validate(content: dict[str, Any], workspace_id: UUID) -> list[Finding]:
    """Only what an import made can be published, unchanged; people add the domain whose stewards review it."""
    given = {key: value for key, value in content.items() if key != "domain"}
    slug, found = str(content.get("slug", "")), domain_findings(content, workspace_id)
    waiting = ConnectorProposal.objects.filter(workspace_id=workspace_id, slug=slug).defer("packed").first()
    if waiting is not None and given == content_of(waiting):
        return found
    published = ConnectorVersion.objects.of(workspace_id, slug)
    if published is not None and published.content == content:
        return found
    message = said("this is not what was imported last; import the description of {slug!r} again", slug=slug)
    return [Finding("/manifest_sha256", "connector.not_imported", message)]


def publish_manifest(version: DocumentVersion, _actor: Actor) -> None:
    """Make what was reviewed callable: the only way for a workspace's connector to get a version."""
    document = version.document
    own = {"workspace_id": document.workspace_id, "slug": document.slug}
    proposal = ConnectorProposal.objects.select_for_update().filter(**own).first()
    wanted = version.content["manifest_sha256"]
    if proposal is None or manifest_sha256(proposal.document) != wanted:
        raise Conflict(what=said("What was imported for {slug} is not what is to be published.", slug=document.slug))
    values = {name: getattr(proposal, name) for name in COPIED}
    released = cast("ConnectorVersion", version)
    ImportedConnector.objects.create(**own, number=version.number, released=released, **values)
    proposal.delete()


def changes(before: dict[str, Any] | None, after: dict[str, Any], workspace_id: UUID) -> list[Change]:
    """What a version changes: operations in words, all else (addresses, authentication, limits) by value."""
    was, becomes = manifest_of(before, workspace_id), manifest_of(after, workspace_id)
    if becomes is None:
        return []
    found = difference(*(_beside_operations(one) for one in (was, becomes)))
    if was is None:
        return [*found, *(_new(name, one) for name, one in becomes.actions.items())]
    told = [one for one in changes_between(was, becomes) if one.path.startswith(OPERATIONS)]
    said_of = {one.subject for one in told}
    quiet = [name for name, one in becomes.actions.items() if name not in said_of and was.actions.get(name) != one]
    return [
        *found,
        *(Change(pointer(*one.path.split(".")), kind_of(one), None, one.message) for one in told),
        *(Change(pointer("actions", name), "changed", None, said("is described differently")) for name in quiet),
    ]


def _new(name: str, action: ActionSpec) -> Change:
    return Change(pointer("actions", name), "added", None, f"{action.method} {action.path}: {action.title}")


def _beside_operations(manifest: Manifest | None) -> dict[str, Any]:
    document = manifest.document if manifest is not None else {}
    return {key: value for key, value in document.items() if key not in ASIDE}


def kind_of(change: ManifestChange) -> Literal["added", "removed", "changed"]:
    if change.message.endswith("is gone"):
        return "removed"
    return "added" if "is new" in change.message else "changed"


def authors(document: VersionedDocument) -> Iterable[tuple[str, str]]:
    """Who handed the description in, whoever keeps it."""
    rows = ConnectorProposal.objects.filter(workspace_id=document.workspace_id, slug=document.slug)
    return rows.exclude(person="").values_list("person", "created_by")


# -- the checklist -------------------------------------------------------------------------------------------------


def _compatible(content: dict[str, Any], published: dict[str, Any] | None, workspace_id: UUID) -> CheckResult:
    if published is None:
        return CheckResult(state="not_applicable", summary=said("the first version breaks nobody"))
    changes = manifest_changes(published, content, workspace_id)
    breaking = [one for one in changes if one.breaking]
    found = tuple(Finding(one.path, "connector.breaking", one.message, "warning") for one in breaking)
    if breaking:
        summary = said("may break what uses it: {count} changes; connections stay as they are", count=len(breaking))
        return CheckResult(state="warning", summary=summary, details=found)
    return CheckResult(
        state="passed", summary=said("breaks nothing that uses it (changes: {count})", count=len(changes))
    )


def _understood(content: dict[str, Any], _published: dict[str, Any] | None, workspace_id: UUID) -> CheckResult:
    made = made_of(content, workspace_id)
    dropped = [one for one in (made.findings if made is not None else ()) if one["level"] == "dropped"]
    if not dropped:
        return CheckResult(state="passed", summary=said("nothing of the description is left out"))
    found = tuple(Finding(one["path"], one["code"], one["message"], "warning") for one in dropped)
    summary = said("left out of the description: {count}", count=len(dropped))
    return CheckResult(state="warning", summary=summary, details=found)


def _quality(content: dict[str, Any], _published: dict[str, Any] | None, workspace_id: UUID) -> CheckResult:
    """The requirements that the manifest alone answers; calls are tried against a stand-in by the tests of a folder."""
    manifest = manifest_of(content, workspace_id)
    if manifest is None:
        return CheckResult(state="undecided", summary=said("the description is not here"))
    outcomes = judge(Facts(manifest, ()), {}).outcomes
    lacking = tuple(_lacking(outcomes))
    if not lacking:
        return CheckResult(state="passed", summary=said("the manifest lacks nothing"))
    summary = said("{count} of {all} requirements are not met by the manifest", count=len(lacking), all=len(outcomes))
    return CheckResult(state="warning", summary=summary, details=lacking)


def _lacking(outcomes: Any) -> Iterator[Finding]:
    for one in outcomes:
        if not one.passed:
            yield Finding("", "connector.quality", f"{one.level}, {one.name}: {one.reason}", "warning")


CHECKS = (
    Check(name="compatibility", title=gettext_noop("What uses the present version can use this one"), run=_compatible),
    Check(name="understood", title=gettext_noop("The description was understood"), run=_understood),
    Check(name="quality", title=gettext_noop("Quality of the connector"), run=_quality),
)

CONNECTOR_TYPE = DocumentType(
    kind=KIND,
    permission="connectors",
    document=ConnectorDocument,
    version=ConnectorVersion,
    validate=validate,
    on_published=publish_manifest,
    rank=20,
    checks=CHECKS,
    authors=authors,
    changes=changes,
    in_files=False,
)
