"""Schemas as subjects of a registry: registered from outside under a name, known by whole numbers."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django.db import transaction
from django.db.models import Q

from ipaas.accounts.models import Workspace
from ipaas.contracts.evolution import Compared, Rule, compare, published_contents, rule_for
from ipaas.contracts.models import Schema, SchemaVersion
from ipaas.contracts.validators import compile_schema
from ipaas.core.actor import Actor
from ipaas.core.document_forms import content_sha256
from ipaas.core.drafts import valid_slug
from ipaas.core.errors import Conflict
from ipaas.core.phrases import said
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


def version_with(schema: Schema, given: Any) -> SchemaVersion | None:
    """The newest published version of a subject that is this very schema."""
    rows = SchemaVersion.objects.filter(document=schema, state="published", registered__sha256=content_sha256(given))
    return rows.order_by("-number").first()


@transaction.atomic
def register_schema(*, actor: Actor, workspace: Workspace, name: str, schema: Any) -> SchemaVersion | None:
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


def _content(workspace: Workspace, name: str, present: Schema | None, schema: Any) -> dict[str, Any]:
    """The document of a schema: what is published of it with another schema, or a new one."""
    slug = present.slug if present is not None else slug_of(name)
    known: Schema | None = Schema.objects.in_workspace(workspace.id).filter(slug=slug).first()
    if not valid_slug(slug) or (known is not None and (known.subject or slug) != name):
        raise SubjectTaken(subject=name, slug=slug, other=slug)
    if known is None:
        return {"kind": "schema", "slug": slug, "title": name[:200], "schema": schema}
    newest = SchemaVersion.objects.filter(document=known).order_by("-number").first()
    waiting = known.draft is not None and (newest is None or not _published(known, newest))
    if waiting and (known.draft or {}).get("schema") != schema:
        raise DraftInTheWay(slug=slug)
    if waiting:
        return dict(known.draft or {})
    before: Mapping[str, Any] = newest.content if newest is not None else {"title": name[:200]}
    kept = {key: before[key] for key in KEPT if key in before}
    return {"kind": "schema", "slug": slug, **kept, "schema": schema, **_examples(before, schema)}


def _published(schema: Schema, newest: SchemaVersion) -> bool:
    """Whether the draft says nothing that the newest version does not."""
    draft = schema.draft or {}
    return bool(draft == newest.content or schema.draft_text == newest.text != "")


def _examples(before: Mapping[str, Any], schema: Any) -> dict[str, Any]:
    """The examples that the new schema still accepts."""
    try:
        validator = compile_schema(schema)
    except ValueError:  # it is refused with its reason when it is applied
        return {}
    kept = [one for one in before.get("examples", ()) if validator.is_valid(one)]
    return {"examples": kept} if kept else {}


def would_follow(workspace: Workspace, present: Schema, schema: Any, number: int | None) -> tuple[Rule, list[Compared]]:
    """The verdicts on a schema against one version, or against those that the subject's mode asks for."""
    versions = published_contents(workspace.id, present.slug)
    rule = rule_for(versions[max(versions)] if versions else None, workspace.id)
    if number is not None:
        versions = {number: SchemaVersion.objects.get(document=present, number=number).content}
    return rule, compare(schema, rule, versions)


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
