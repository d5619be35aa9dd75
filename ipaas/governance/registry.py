"""Schemas as subjects of a registry: registered from outside under a name, known by whole numbers."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypedDict, cast

from django.db import transaction
from django.db.models import Q

from ipaas.accounts.models import Workspace
from ipaas.contracts.bundling import names_in, pinned
from ipaas.contracts.document import registered_sha256
from ipaas.contracts.evolution import Compared, Rule, compare, published_contents, rule_for
from ipaas.contracts.models import Schema, SchemaVersion
from ipaas.contracts.queries import bundle_of, published_in, whole_schema
from ipaas.contracts.validators import compile_schema, schema_problems
from ipaas.core.actor import Actor
from ipaas.core.document_forms import refuse
from ipaas.core.drafts import valid_slug
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.phrases import said
from ipaas.core.references import reference_to, same_but_for_pins, split_reference
from ipaas.governance.services import apply_document

KEPT = ("title", "description", "domain", "compatibility", "undeclared_properties")


class SubjectTaken(Conflict):
    """The subject {subject} would have the short name {slug}, which the schema {other} has already."""

    code: ClassVar[str] = "schema.subject_taken"
    remedy: ClassVar[str] = "Use another name for the subject."


class DraftInTheWay(Conflict):
    """The schema {slug} has a draft that is not published."""

    code: ClassVar[str] = "schema.draft_in_the_way"
    remedy: ClassVar[str] = "Publish the draft, or take its changes back, then register again."


def slug_of(subject: str) -> str:
    """The short name of a subject: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:80]


def subjects_of(workspace: Workspace) -> list[Schema]:
    """The schemas that stand alone and have a published version, archived ones too."""
    rows = Schema.objects.in_workspace(workspace.id).filter(derived_from="", latest_version__gt=0)
    return list(rows.order_by("slug"))


def subject(workspace: Workspace, name: str) -> Schema | None:
    """The schema of a subject."""
    rows = Schema.objects.in_workspace(workspace.id).filter(derived_from="", latest_version__gt=0)
    found: Schema | None = rows.filter(Q(subject=name) | Q(subject="", slug=name)).first()
    return found


class SubjectReference(TypedDict):
    """What a name in a schema means, as clients say it; the version -1 is the newest."""

    name: str
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class Registered:
    """A schema as clients send it, with what the names in it mean (``name: slug@version``)."""

    schema: Any
    references: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> dict[str, Any]:
        """The keys of the document that hold it."""
        return {"schema": self.schema, **({"references": dict(self.references)} if self.references else {})}


def resolved(workspace: Workspace, schema: Any, references: Iterable[SubjectReference]) -> Registered:
    """A schema with its references as slugs; those whose name says the slug and version itself need no entry."""
    found: dict[str, str] = {}
    for index, one in enumerate(references):
        row = subject(workspace, one["subject"])
        rows = SchemaVersion.objects.filter(document=row, state="published").order_by("-number")
        rows = rows if one["version"] == -1 else rows.filter(number=one["version"])
        version = rows.first() if row is not None and not row.archived else None
        if version is None:
            message = said(
                "there is no version {number} of the subject {subject}", number=one["version"], subject=one["subject"]
            )
            raise InvalidInput([{"path": f"/references/{index}", "code": "schema.unknown", "message": message}])
        target = reference_to(version.document.slug, version.number)
        if one["name"] != target:
            found[one["name"]] = target
    return Registered(schema, found)


def references_of(version: SchemaVersion) -> list[SubjectReference]:
    """What the names in a registered schema mean, as clients expect it."""
    named = {name: split_reference(target) for name, target in names_in(version.content).items()}
    rows = Schema.objects.in_workspace(version.workspace_id).filter(slug__in=[slug for slug, _number in named.values()])
    subjects = {row.slug: row.subject or row.slug for row in rows}
    return [
        {"name": name, "subject": subjects.get(slug, slug), "version": number or 0}
        for name, (slug, number) in sorted(named.items())
    ]


def referring_numbers(version: SchemaVersion) -> list[int]:
    """The numbers of the published schemas that refer to a version."""
    rows = version.referring.filter(state="published", document__archived=False)
    return sorted(set(rows.values_list("registered_id", flat=True)))


def version_with(schema: Schema, given: Registered) -> SchemaVersion | None:
    """The newest published version of a subject that is this very schema."""
    settled = pinned(given.keys, published_in(schema.workspace_id))
    rows = SchemaVersion.objects.filter(
        document=schema, state="published", registered__sha256=registered_sha256(settled)
    )
    return rows.order_by("-number").first()


@transaction.atomic
def register_schema(*, actor: Actor, workspace: Workspace, name: str, schema: Registered) -> SchemaVersion | None:
    """Publish a schema under a subject, through the same checks as any; one that is there already is returned.

    None where it was sent to review instead: registered again after the approval, it is published. One registration
    at a time in a workspace, so that two of the same schema get one version and one number.
    """
    Workspace.objects.select_for_update(no_key=True).get(id=workspace.id)
    present = subject(workspace, name)
    if present is not None and not present.archived and (known := version_with(present, schema)):
        return known
    content = _content(workspace, name, present, schema)
    applied = apply_document(actor=actor, workspace=workspace, content=content, note=said("registered from outside"))
    document: Schema = applied.document
    if not document.subject and document.slug != name:
        document.subject = name
        document.save(update_fields=["subject"])
    return cast("SchemaVersion | None", applied.version)


def _content(workspace: Workspace, name: str, present: Schema | None, given: Registered) -> dict[str, Any]:
    """The document of a schema: what is published of it with another schema, or a new one."""
    slug = present.slug if present is not None else slug_of(name)
    known: Schema | None = Schema.objects.in_workspace(workspace.id).filter(slug=slug).first()
    if not valid_slug(slug) or (known is not None and (known.subject or slug) != name):
        raise SubjectTaken(subject=name, slug=slug, other=slug)
    if known is None:
        return {"kind": "schema", "slug": slug, "title": name[:200], **given.keys}
    newest = SchemaVersion.objects.filter(document=known).order_by("-number").first()
    waiting = known.draft is not None and (newest is None or not _published(known, newest))
    if waiting and {key: (known.draft or {}).get(key) for key in ("schema", "references")} != {
        "references": None,
        **given.keys,
    }:
        raise DraftInTheWay(slug=slug)
    if waiting:
        return dict(known.draft or {})
    before: Mapping[str, Any] = newest.content if newest is not None else {"title": name[:200]}
    kept = {key: before[key] for key in KEPT if key in before}
    return {"kind": "schema", "slug": slug, **kept, **given.keys, **_examples(before, given, workspace)}


def _published(schema: Schema, newest: SchemaVersion) -> bool:
    """Whether the draft says nothing that the newest version does not."""
    draft = schema.draft or {}
    return bool(same_but_for_pins(newest.content, draft) or schema.draft_text == newest.text != "")


def _examples(before: Mapping[str, Any], given: Registered, workspace: Workspace) -> dict[str, Any]:
    """The examples that the new schema still accepts."""
    try:
        validator = compile_schema(whole_schema(given.keys, workspace.id))
    except ValueError:  # it is refused with its reason when it is applied
        return {}
    kept = [one for one in before.get("examples", ()) if validator.is_valid(one)]
    return {"examples": kept} if kept else {}


def would_follow(
    workspace: Workspace, present: Schema, given: Registered, number: int | None
) -> tuple[Rule, list[Compared]]:
    """The verdicts on a schema against one version, or against those that the subject's mode asks for."""
    made = bundle_of({"slug": present.slug, **given.keys}, workspace.id)
    refuse(made.findings)
    refuse(schema_problems(made.schema, "/schema"))
    versions = published_contents(workspace.id, present.slug)
    rule = rule_for(versions[max(versions)] if versions else None, workspace.id)
    if number is not None:
        row = SchemaVersion.objects.get(document=present, number=number)
        versions = {number: {**row.content, "schema": row.whole}}
    return rule, compare(made.schema, rule, versions)


@transaction.atomic
def set_mode(*, actor: Actor, workspace: Workspace, schema: Schema, mode: str | None) -> SchemaVersion | None:
    """Publish the newest version again with another compatibility mode; None leaves it to the workspace."""
    newest = SchemaVersion.objects.filter(document=schema).order_by("-number").first()
    if newest is None or not _published(schema, newest):
        raise DraftInTheWay(slug=schema.slug)
    content = {key: value for key, value in newest.content.items() if key != "compatibility"}
    content |= {"compatibility": mode} if mode is not None else {}
    note = said("compatibility mode set from outside")
    return cast(
        "SchemaVersion | None", apply_document(actor=actor, workspace=workspace, content=content, note=note).version
    )
