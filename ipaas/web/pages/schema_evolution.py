"""How a schema may change: its mode, verdicts on the draft, changes in words, who is affected."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.contracts.bundling import DIRECT, names_in, plain
from ipaas.contracts.compatibility import Problem, Verdict, check, versions_to_check
from ipaas.contracts.evolution import Rule, accepted_break, published_contents, relied_on, rule_for
from ipaas.contracts.models import Schema, SchemaVersion
from ipaas.contracts.queries import whole_schema
from ipaas.contracts.usage import contracts_with_schema, event_types_with_schema, schemas_with_schema
from ipaas.contracts.validators import schema_problems
from ipaas.core import jsonio
from ipaas.core.document_forms import content_sha256
from ipaas.core.phrases import in_words
from ipaas.core.references import split_reference
from ipaas.mapping.usage import mappings_with_schema
from ipaas.web.build_readmodels import UseRow
from ipaas.web.pages.users_of_documents import document_rows
from ipaas.web.readmodels import Finding, Link

MOST_SHOWN = 10
LARGE = 30_000
"""Bytes from which on a schema is compared only with the versions that its mode asks for."""


@dataclass(frozen=True)
class VersionVerdict:
    """The verdict on the draft against one version; ``counts``: the mode asks for this one."""

    number: int
    state: str
    counts: bool
    findings: list[Finding]


@dataclass(frozen=True)
class Evolution:
    """What is shown of the compatibility of a draft; ``blocked``: it can not be published as it is."""

    mode: str
    explained: str
    rows: list[VersionVerdict]
    blocked: bool
    accepted: str


def evolution_of(request: WorkspaceRequest, content: Any) -> Evolution | None:
    """The verdicts on a content against the newest versions; None where there is nothing to compare."""
    if not isinstance(content, dict) or not isinstance(content.get("slug"), str) or "schema" not in content:
        return None
    contents = published_contents(request.workspace.id, content["slug"])
    whole = whole_schema(content, request.workspace.id)
    if not contents or schema_problems(whole):
        return None
    rule = rule_for(contents[max(contents)], request.workspace.id)
    wanted = versions_to_check(rule.mode, list(contents))
    shown = wanted[:MOST_SHOWN] if wanted else []
    rows = [_row(number, contents[number]["schema"], whole, rule, counts=True) for number in shown]
    if rule.mode != "none" and len(jsonio.dumps(whole)) < LARGE:
        others = [number for number in sorted(contents, reverse=True) if number not in shown][: MOST_SHOWN - len(rows)]
        rows += [_row(number, contents[number]["schema"], whole, rule, counts=False) for number in others]
    schema = Schema.objects.filter(workspace_id=request.workspace.id, slug=content["slug"]).first()
    accepted = accepted_break(schema, whole)
    told = ""
    if accepted:
        told = _("%(who)s decided to publish it: %(reason)s") % {"who": accepted["by"], "reason": accepted["reason"]}
    blocked = any(one.counts and one.state != "compatible" for one in rows)
    return Evolution(rule.mode, _explained(rule), rows, blocked and not accepted, told)


def _row(number: int, old: Any, new: Any, rule: Rule, *, counts: bool) -> VersionVerdict:
    verdict = check(old, new, rule.mode, undeclared=rule.undeclared)
    found = _findings(verdict) if counts else []
    if counts and verdict.state == "compatible" and verdict.relied_on:
        found = [Finding("info", in_words(relied_on(number, verdict).message))]
    return VersionVerdict(number, verdict.state, counts, found)


def _findings(verdict: Verdict) -> list[Finding]:
    return [_finding(problem) for problem in verdict.problems]


def _finding(problem: Problem) -> Finding:
    severity = "error" if problem.state == "incompatible" else "warning"
    return Finding(severity, in_words(problem.words), problem.place or _("(all)"), remedy=in_words(problem.advice))


def _explained(rule: Rule) -> str:
    words = {
        "none": _("Changes are not checked."),
        "backward": _("The new version must accept what writers of the old one send."),
        "forward": _("Readers of the old version must accept what writers of the new one send."),
        "full": _("Old and new readers must accept what old and new writers send."),
    }[rule.mode.removesuffix("_transitive")]
    source = {
        "document": _("Said in the schema."),
        "workspace": _("Said by the workspace."),
        "platform": _("The usual, as neither the schema nor the workspace says otherwise."),
    }[rule.source]
    return f"{words} {source}"


def words_of(document: Schema, content: Mapping[str, Any], label: str) -> list[Finding] | None:
    """What a version, or the draft, changes for readers and writers of the version before; None for a first one."""
    versions = SchemaVersion.objects.filter(document=document).order_by("-number")
    own = versions.filter(sha256=content_sha256(dict(content))).first()
    before = versions.filter(number__lt=own.number).first() if own else versions.first()
    whole = own.whole if own else whole_schema(content, document.workspace_id)
    if before is None or schema_problems(whole):
        return None
    rule = rule_for(before.content, document.workspace_id)
    return _findings(check(before.whole, whole, "full", undeclared=rule.undeclared))


def references_of(request: WorkspaceRequest, content: Mapping[str, Any]) -> list[Link]:
    """The schemas that a content refers to, as they are written."""
    named = sorted(set(names_in(plain(content)).values()))
    slugs = [(one, split_reference(one)[0]) for one in named if DIRECT.match(one)]
    place = request.workspace.slug
    return [Link(one, reverse("contracts:schema_detail", args=[place, slug])) for one, slug in slugs]


def documents_using(request: WorkspaceRequest, slug: str) -> list[UseRow]:
    """The schemas, mappings and contracts that name a schema."""
    workspace_id = request.workspace.id
    return [
        *document_rows(request, "schema", schemas_with_schema(workspace_id, slug)),
        *document_rows(request, "mapping", mappings_with_schema(workspace_id, slug)),
        *document_rows(request, "contract", contracts_with_schema(workspace_id, slug)),
        *document_rows(request, "event_type", event_types_with_schema(workspace_id, slug)),
    ]


def may_accept(request: WorkspaceRequest, document: Schema) -> bool:
    return request.actor.may("schemas.override") and document.draft is not None and not document.archived
