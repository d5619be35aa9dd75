"""Drafts checked by the conventions of their workspace, each finding with its reason and, where there is one, a fix."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop

from ipaas.core.actor import Actor
from ipaas.core.document_forms import Finding, Severity
from ipaas.core.document_types import Check, CheckResult, CheckState, document_type
from ipaas.core.documents import VersionedDocument
from ipaas.core.phrases import said
from ipaas.core.sensitive_names import is_sensitive_key
from ipaas.core.words import case_of, cased, is_cased, singular_words, words_of
from ipaas.flows.querysets import FlowQuerySet
from ipaas.governance.fields import Field, fields_of
from ipaas.ownership.conventions import matcher
from ipaas.ownership.glossary import Glossary
from ipaas.ownership.models import ConventionVersion
from ipaas.ownership.naming import domain_slug

CHECKED_KINDS = ("schema", "lookup", "function", "contract", "mapping", "flow")
MOST_FINDINGS = 50
"""So many are told of one convention in one document."""
MOST_DOCUMENTS = 500


@dataclass(frozen=True, slots=True)
class Breach:
    path: str
    message: str
    fix: str = ""


@dataclass
class _Draft:
    content: Mapping[str, Any]
    workspace_id: UUID

    @cached_property
    def fields(self) -> list[Field]:
        """Those whose name is a person's choice: names such as ``@type`` belong to a format."""
        return [one for one in fields_of(self.content) if one.name[:1].isalpha()]

    @cached_property
    def glossary(self) -> Glossary:
        return Glossary.of_workspace(self.workspace_id)


def conventions_of(workspace_id: UUID) -> list[Mapping[str, Any]]:
    """The conventions in force, by one query."""
    rows = ConventionVersion.objects.in_force(workspace_id).order_by("document__slug")
    return list(rows.values_list("content", flat=True))


def holds_for(convention: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    """Whether a convention is about a document: by its kind and its domain."""
    if content.get("kind") not in convention.get("kinds", CHECKED_KINDS):
        return False
    return "domains" not in convention or domain_slug(content) in convention["domains"]


def breaches(convention: Mapping[str, Any], content: Mapping[str, Any], workspace_id: UUID) -> list[Finding]:
    """What in a document of any form breaks a convention."""
    return _findings(convention, _Draft(content, workspace_id))


def fixable(content: Mapping[str, Any], workspace_id: UUID) -> list[tuple[Finding, str]]:
    """What breaks the conventions in force, each with what to write instead; "" where that is for people to find."""
    about = [one for one in conventions_of(workspace_id) if holds_for(one, content)]
    draft = _Draft(content, workspace_id)
    return [pair for one in about for pair in _fixable(one, draft)]


def _findings(convention: Mapping[str, Any], draft: _Draft) -> list[Finding]:
    return [finding for finding, _fix in _fixable(convention, draft)]


def _fixable(convention: Mapping[str, Any], draft: _Draft) -> list[tuple[Finding, str]]:
    severity: Severity = "error" if convention.get("severity") == "error" else "warning"
    found = []
    (rule, given), *_ = convention["rule"].items()
    for one in _RULES[rule](given, draft):
        words = {"what": one.message, "fix": one.fix, "reason": convention["reason"]}
        message = said("{what}; write {fix} ({reason})", **words) if one.fix else said("{what} ({reason})", **words)
        found.append((Finding(one.path, f"convention.{convention['slug']}", message, severity), one.fix))
        if len(found) == MOST_FINDINGS:
            break
    return found


def run(content: dict[str, Any], _published: dict[str, Any] | None, workspace_id: UUID) -> CheckResult:
    """The point of the checklist: every convention of the workspace that is about the draft."""
    if content.get("kind") not in CHECKED_KINDS:
        return CheckResult(state="not_applicable")
    about = [one for one in conventions_of(workspace_id) if holds_for(one, content)]
    if not about:
        return CheckResult(state="not_applicable", summary=said("no convention is about it"))
    draft = _Draft(content, workspace_id)
    found = [finding for one in about for finding in _findings(one, draft)]
    state: CheckState = "warning" if found else "passed"
    if any(one.severity == "error" for one in found):
        state = "failed"
    summary = said("{count} findings of {most} conventions", count=len(found), most=len(about))
    return CheckResult(state=state, summary=summary, details=tuple(found))


CONVENTIONS = Check(name="conventions", title=gettext_noop("Keeps the conventions"), run=run)


@dataclass(slots=True)
class Standing:
    """How the live drafts of a workspace keep one convention."""

    checked: int = 0
    broken: list[tuple[str, str, str, int]] = field(default_factory=list)
    """Kind, slug, title and number of findings of each document that breaks it."""


def standings(actor: Actor, workspace_id: UUID, conventions: Iterable[Mapping[str, Any]]) -> dict[str, Standing]:
    """How the live drafts that an actor may see keep each convention, by its slug; ``MOST_DOCUMENTS`` of each kind."""
    conventions = list(conventions)
    found = {one["slug"]: Standing() for one in conventions}
    glossary = Glossary.of_workspace(workspace_id)
    for kind in CHECKED_KINDS:
        for document in _drafts(actor, kind, workspace_id):
            draft = _Draft(document.draft or {}, workspace_id)
            draft.glossary = glossary
            for one in conventions:
                if holds_for(one, draft.content):
                    standing, count = found[one["slug"]], len(_findings(one, draft))
                    standing.checked += 1
                    if count:
                        standing.broken.append((kind, document.slug, document.title, count))
    return found


def _drafts(actor: Actor, kind: str, workspace_id: UUID) -> list[VersionedDocument]:
    found = document_type(kind)
    rows = found.documents.in_workspace(workspace_id)
    if isinstance(rows, FlowQuerySet):
        rows = rows.visible_to(actor)
    elif not actor.may(f"{found.permission}.view"):
        return []
    return list(rows.live().exclude(draft=None).order_by("slug")[:MOST_DOCUMENTS])


# -- rules ---------------------------------------------------------------------------------------------------------


def _named(name: str, path: str, rule: Mapping[str, Any]) -> Iterator[Breach]:
    case = rule.get("case")
    words = list(words_of(name))
    short = {tuple(words_of(one)): words_of(word) for one, word in rule.get("abbreviations", {}).items()}
    long = _replaced(words, short)
    if long != words:
        yield Breach(path, said("{name!r} is abbreviated", name=name), cased(long, case or case_of(name)))
    elif case and not is_cased(name, case):
        fix = cased(words, case)
        yield Breach(
            path, said("{name!r} is not written in {case} case", name=name, case=case), fix if fix != name else ""
        )
    pattern = rule.get("pattern")
    if pattern is not None and not matcher(pattern).is_valid(name):
        yield Breach(path, said("{name!r} does not match {pattern}", name=name, pattern=pattern))
    plain = singular_words(name)
    for word in rule.get("forbidden", ()):
        if _within(singular_words(word), plain):
            yield Breach(path, said("{name!r} contains the word {word!r}", name=name, word=word))


def _replaced(words: list[str], short: Mapping[tuple[str, ...], tuple[str, ...]]) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(words):
        size = next((len(key) for key in short if tuple(words[at : at + len(key)]) == key), 0)
        found += short[tuple(words[at : at + size])] if size else [words[at]]
        at += size or 1
    return found


def _within(part: tuple[str, ...], words: tuple[str, ...]) -> bool:
    return bool(part) and any(words[at : at + len(part)] == part for at in range(len(words)))


def _ends(name: str, words: list[str]) -> bool:
    plain = singular_words(name)
    return any(plain[-len(one) :] == one for one in map(singular_words, words) if one)


def _fields(rule: Any, draft: _Draft) -> Iterator[Breach]:
    for one in draft.fields:
        yield from _named(one.name, one.pointer, rule)


def _slugs(rule: Any, draft: _Draft) -> Iterator[Breach]:
    slug = draft.content.get("slug")
    if isinstance(slug, str):
        yield from _named(slug, "/slug", rule)


def _types(node: Mapping[str, Any]) -> set[str]:
    kind = node.get("type")
    return {str(one) for one in (kind if isinstance(kind, list) else [kind]) if one not in (None, "null")}


def _typed(draft: _Draft, words: list[str]) -> Iterator[tuple[Field, Mapping[str, Any]]]:
    """Fields of a schema with such a name that hold a single value and say so there."""
    for one in draft.fields:
        if (
            one.node
            and _ends(one.name, words)
            and _types(one.node)
            and not _types(one.node) & {"object", "array", "boolean"}
        ):
            yield one, one.node


def _dates(rule: Any, draft: _Draft) -> Iterator[Breach]:
    for one, node in _typed(draft, rule["words"]):
        if node.get("format") not in ("date", "date-time"):
            wanted = "date" if one.name.lower().endswith("date") else "date-time"
            fix = f"type: string, format: {wanted}"
            yield Breach(one.pointer, said("{name!r} is named like a date and has not its format", name=one.name), fix)


def _money(rule: Any, draft: _Draft) -> Iterator[Breach]:
    kind, told = (
        ("integer", "type: integer")
        if rule["form"] == "minor"
        else ("string", 'type: string, pattern: "^-?[0-9]+([.][0-9]+)?$"')
    )
    for one, node in _typed(draft, rule["words"]):
        if _types(node) != {kind}:
            yield Breach(one.pointer, said("{name!r} holds money in another form", name=one.name), told)
        if rule.get("currency") and not any("currency" in singular_words(name) for name in one.around):
            yield Breach(one.pointer, said("no currency stands beside {name!r}", name=one.name))


def _required(rule: Any, draft: _Draft) -> Iterator[Breach]:
    for key in rule:
        if not draft.content.get(key):
            yield Breach("", said("the key {property} is missing", property=key))


def _sensitive(rule: Any, draft: _Draft) -> Iterator[Breach]:
    wanted = [singular_words(word) for word in rule["words"]]
    for one in draft.fields:
        if one.node is None or "x-sensitive" in one.node or _types(one.node) & {"object", "array", "boolean"}:
            continue
        secret = is_sensitive_key(one.name)
        if secret or any(_within(word, singular_words(one.name)) for word in wanted):
            fix = f"x-sensitive: {'secret' if secret else rule.get('class', 'personal')}"
            yield Breach(one.pointer, said("{name!r} is not marked as sensitive", name=one.name), fix)


def _glossary(_rule: Any, draft: _Draft) -> Iterator[Breach]:
    for one in draft.fields:
        term = draft.glossary.avoided.get(singular_words(one.name))
        if term is not None:
            fix = cased(words_of(term.title) or words_of(term.slug), case_of(one.name))
            yield Breach(one.pointer, said("the glossary says to avoid {name!r}", name=one.name), fix)


_RULES = {
    "fields": _fields,
    "slugs": _slugs,
    "dates": _dates,
    "money": _money,
    "required": _required,
    "sensitive": _sensitive,
    "glossary": _glossary,
}
