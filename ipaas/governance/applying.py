"""Many documents at once: what applying them would do, and doing it, all of them or none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar
from uuid import UUID

from django.db import transaction

from ipaas.accounts.models import Environment, Workspace
from ipaas.core import yamlio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Change, Finding, read_document
from ipaas.core.document_types import (
    DocumentType,
    document_kinds,
    document_type,
    document_type_of,
    document_types_in_order,
)
from ipaas.core.documents import VersionedDocument
from ipaas.core.errors import Conflict, InvalidInput, IpaasError
from ipaas.core.phrases import sentences
from ipaas.core.references import is_pin_of
from ipaas.flows.comparison import compare
from ipaas.flows.models import Flow
from ipaas.flows.yaml_form import Written, written
from ipaas.governance import services
from ipaas.ownership.domain_files import KIND as DOMAIN
from ipaas.ownership.domain_files import apply_domain

Deed = Literal["create", "change", "text", "deploy", "review", "waits", "unchanged", "archive", "invalid", "blocked"]
_Name = TypeVar("_Name", str, tuple[str, str])
FIRST, LAST = -1, 1_000  # beyond every rank
STOPPING = frozenset({"invalid", "blocked"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One document as it was handed in; ``name`` is the file's. With ``expected_revision`` the draft must be there."""

    name: str = ""
    text: str | None = None
    content: Any = None
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What becomes of one document.

    ``deed``: ``text`` changes comments or the order of keys only, and makes no version; ``deploy`` changes only what
    runs; ``review`` is drafted and waits for a review (its id), ``waits`` is drafted and needs one of those first;
    ``invalid`` and ``blocked`` stop all of it. ``revision`` is that of the draft before, 0 for none. ``drafted``:
    a draft that nobody has published is written over. ``diff`` compares the texts, ``changes`` the contents.
    """

    name: str
    kind: str
    slug: str
    deed: Deed
    revision: int = 0
    draft_revision: int = 0
    before: int = 0
    version: int | None = None
    drafted: bool = False
    deployed: str = ""
    findings: Sequence[Finding] = ()
    diff: str = ""
    changes: Sequence[Change] = ()
    review: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How documents are to be applied; ``prune`` archives what is not among them, parts of others and domains aside."""

    note: str = ""
    publish: bool = True
    deploy: Environment | None = None
    prune: bool = False


@dataclass(slots=True)
class _Batch:
    actor: Actor
    workspace: Workspace
    wish: Wish
    steps: list[Step] = field(default_factory=list)


@transaction.atomic
def plan_documents(*, actor: Actor, workspace: Workspace, documents: Iterable[Given], wish: Wish) -> list[Step]:
    """What ``apply_documents`` would do now: it is done, looked at and undone, so that nothing is guessed."""
    steps = _steps(actor, workspace, documents, wish)
    transaction.set_rollback(True)
    return steps


@transaction.atomic
def apply_documents(*, actor: Actor, workspace: Workspace, documents: Iterable[Given], wish: Wish) -> list[Step]:
    """Store and publish documents, what others refer to before them; when one can not be, none is.

    Idempotent: documents that are there already, down to their text, are left as they are. Raises ``InvalidInput``
    with the findings of every document, ``Conflict`` when one is blocked.
    """
    steps = _steps(actor, workspace, documents, wish)
    faults = [
        {**finding.as_error(), "path": f"{step.name or step.slug}{finding.path}"}
        for step in steps
        if step.deed in STOPPING
        for finding in step.findings
    ]
    if any(step.deed == "invalid" for step in steps):
        raise InvalidInput(faults)
    if faults:
        raise Conflict(what=" ".join(fault["message"] for fault in faults))
    return steps


def _steps(actor: Actor, workspace: Workspace, documents: Iterable[Given], wish: Wish) -> list[Step]:
    batch = _Batch(actor, workspace, wish)
    for given in _in_order(documents):
        batch.steps.append(_apply(batch, given))
    twice = {(one.kind, one.slug) for one in batch.steps if one.slug and _count(batch.steps, one) > 1}
    batch.steps = [
        _blocked(one, "is given more than once") if (one.kind, one.slug) in twice else one for one in batch.steps
    ]
    if wish.prune:
        batch.steps += _prune(batch)
    return batch.steps


def _count(steps: Sequence[Step], one: Step) -> int:
    return sum((other.kind, other.slug) == (one.kind, one.slug) for other in steps)


def _in_order(documents: Iterable[Given]) -> list[Given]:
    """By rank and name; within a kind, those that others refer to come before them."""
    read = [(_kind_and_content(one), one) for one in documents]
    read.sort(key=lambda one: (_rank(*one[0]), one[1].name))
    given: dict[tuple[str, str], list[tuple[Given, set[tuple[str, str]]]]] = {}
    for number, ((kind, content), one) in enumerate(read):
        name = (kind.kind, str(content.get("slug"))) if kind is not None else ("", str(number))
        refers = {(kind.kind, slug) for slug in kind.refers_to(content)} if kind is not None else set()
        given.setdefault(name, []).append((one, refers))
    order = _referred_to_first({name: set().union(*(one[1] for one in rows)) for name, rows in given.items()})
    return [one for name in order for one, _refers in given[name]]


def _rank(kind: DocumentType | None, content: Mapping[str, Any]) -> int:
    """Domains come first, as documents name them; what can not be read comes last."""
    if content.get("kind") == DOMAIN:
        return FIRST
    return LAST if kind is None else kind.rank


def _kind_and_content(given: Given) -> tuple[DocumentType | None, dict[str, Any]]:
    """The type is None for what can not be read."""
    try:
        content = read_document(text=given.text, content=given.content).content
    except InvalidInput:
        return None, {}
    kind = content.get("kind")
    return (document_type(kind) if isinstance(kind, str) and kind in document_kinds() else None), content


def _referred_to_first(refers: Mapping[_Name, set[_Name]]) -> list[_Name]:
    """Names in their order, but what each refers to before it; circles are left as they are."""
    found: dict[_Name, None] = {}
    for start in refers:
        way = [start]
        seen = {start}
        while way:
            missing = next((one for one in sorted(refers[way[-1]]) if one in refers and one not in seen), None)
            if missing is None or way[-1] in found:
                found.setdefault(way.pop(), None)
            else:
                seen.add(missing)
                way.append(missing)
    return list(found)


def _apply(batch: _Batch, given: Given) -> Step:
    kind, slug = "", ""
    step = Step(name=given.name, kind="", slug="", deed="invalid")
    present: VersionedDocument | None = None
    try:
        content = read_document(text=given.text, content=given.content).content
        kind, slug = str(content.get("kind", ""))[:40], str(content.get("slug", ""))[:80]
        if kind == DOMAIN:
            with transaction.atomic():
                return _domain(batch, given, content)
        if kind in document_kinds():
            rows = document_type(kind).documents.filter(workspace_id=batch.workspace.id, slug=slug)
            present = rows.select_for_update().first()
        step = _before(Step(name=given.name, kind=kind, slug=slug, deed="create"), present)
        if given.expected_revision is not None and given.expected_revision != step.revision:
            return _blocked(step, f"is at revision {step.revision} now; the plan was made at {given.expected_revision}")
        was = _written(present)
        with transaction.atomic():
            applied = services.apply_document(
                actor=batch.actor,
                workspace=batch.workspace,
                text=given.text,
                content=given.content,
                note=batch.wish.note,
                publish_it=batch.wish.publish,
            )
            return _after(batch, step, was, applied)
    except InvalidInput as error:
        findings = [_finding(one) for one in error.errors]
        if _needs_reviewed(batch, findings):
            return _drafted(batch, step, given, findings)
        return Step(name=given.name, kind=kind, slug=slug, deed="invalid", findings=findings)
    except Conflict as error:
        return _blocked(Step(name=given.name, kind=kind, slug=slug, deed="blocked"), error)


def _domain(batch: _Batch, given: Given, content: dict[str, Any]) -> Step:
    """A domain has neither draft nor version: it is as its file says from then on."""
    done = apply_domain(actor=batch.actor, workspace=batch.workspace, content=content)
    before, after = (Written(one, yamlio.dump(one) if one else "") for one in (done.before or {}, done.after))
    found = compare(before, after, names=(f"{DOMAIN}/{content['slug']}", given.name or "given"))
    deed: Deed = "create" if done.before is None else "change" if found.changes else "unchanged"
    step = Step(name=given.name, kind=DOMAIN, slug=content["slug"], deed=deed)
    return replace(step, findings=done.findings, diff=found.text, changes=found.changes)


UNKNOWN = frozenset(f"flow.unknown_{kind}" for kind in ("mapping", "schema", "contract")) | {
    "schema.unknown",
    "contract.unknown_schema",
}
"""Findings that say that a document is not published."""


def _needs_reviewed(batch: _Batch, findings: Sequence[Finding]) -> bool:
    """Whether all that is wrong is that something is not published which these documents send to review."""
    errors = [one for one in findings if one.severity == "error"]
    sent = {step.slug for step in batch.steps if step.deed in ("review", "waits") and not step.before}
    return bool(sent and errors) and all(
        one.code in UNKNOWN and any(repr(slug) in one.message or f"'{slug}@" in one.message for slug in sent)
        for one in errors
    )


def _drafted(batch: _Batch, step: Step, given: Given, findings: Sequence[Finding]) -> Step:
    applied = services.apply_document(
        actor=batch.actor,
        workspace=batch.workspace,
        text=given.text,
        content=given.content,
        note=batch.wish.note,
        publish_it=False,
    )
    return replace(step, deed="waits", draft_revision=applied.document.draft_revision, findings=findings)


def _before(step: Step, present: VersionedDocument | None) -> Step:
    if present is None:
        return step
    drafted = present.draft is not None and not _is_published(present)
    return replace(step, revision=present.draft_revision, before=present.latest_version, drafted=drafted)


def _is_published(document: VersionedDocument) -> bool:
    """Whether the draft says nothing that the newest version does not."""
    if not document.latest_version:
        return False
    kind = document_type_of(document)
    newest = kind.versions.get(document_id=document.id, number=document.latest_version)
    pinned = written(newest).content
    draft = {key: value for key, value in (document.draft or {}).items() if key not in kind.aside}
    return not any(
        not is_pin_of(one.before, one.after)
        for one in compare(Written(pinned, ""), Written(draft, ""), names=("", "")).changes
    )


def _written(present: VersionedDocument | None) -> Written:
    return Written({}, "") if present is None or present.draft is None else written(present)


def _after(batch: _Batch, step: Step, was: Written, applied: services.Applied) -> Step:
    document, version = applied.document, applied.version
    found = compare(was, written(document), names=(f"{step.kind}/{step.slug}", step.name or "given"))
    number = version.number if version else None
    deployed = _deploy(batch, document, version)
    step = replace(
        step,
        draft_revision=document.draft_revision,
        version=number,
        deployed=deployed,
        findings=applied.findings,
        diff=found.text,
        changes=found.changes,
        drafted=step.drafted and bool(found.changes),
        review=applied.review.id if applied.review is not None else None,
    )
    if applied.review is not None:
        return replace(step, deed="review")
    return replace(step, deed=_deed(step, is_new=step.revision == 0 and step.before == 0))


def _deed(step: Step, *, is_new: bool) -> Deed:
    if is_new:
        return "create"
    if step.changes or (step.version is not None and step.version > step.before):
        return "change"
    if step.diff:
        return "text"
    return "deploy" if step.deployed else "unchanged"


def _deploy(batch: _Batch, document: Any, version: Any) -> str:
    """Where the version begins to run by this; "" where it runs already or is not to."""
    place = batch.wish.deploy
    if place is None or version is None or not isinstance(document, Flow):
        return ""
    if document.deployments.filter(environment=place, version=version, active=True).exists():
        return ""
    services.deploy(flow=document, environment=place, version=version, actor=batch.actor, note=batch.wish.note)
    return place.slug


def _prune(batch: _Batch) -> list[Step]:
    kept = {(step.kind, step.slug) for step in batch.steps}
    return [
        _archive(batch, kind, document)
        for kind in reversed(document_types_in_order())
        if kind.in_files
        for document in _referring_first(kind, batch.workspace)
        if (kind.kind, document.slug) not in kept
    ]


def _referring_first(kind: DocumentType, workspace: Workspace) -> list[VersionedDocument]:
    own = {document.slug: document for document in _own(kind, workspace)}
    order = _referred_to_first({slug: kind.refers_to(document.draft or {}) for slug, document in own.items()})
    return [own[slug] for slug in reversed(order)]


def _own(kind: DocumentType, workspace: Workspace) -> list[VersionedDocument]:
    found = kind.documents.in_workspace(workspace.id).live().order_by("slug")
    return [document for document in found if not getattr(document, "derived_from", "")]


def _archive(batch: _Batch, kind: DocumentType, document: VersionedDocument) -> Step:
    require_permission(batch.actor, f"{kind.permission}.publish", document)
    step = _before(Step(name="", kind=kind.kind, slug=document.slug, deed="archive"), document)
    try:
        with transaction.atomic():
            reason = batch.wish.note or "not among the documents applied"
            services.archive_document(document=document, actor=batch.actor, reason=reason)
    except Conflict as error:
        return _blocked(step, error)
    return step


def _blocked(step: Step, why: str | IpaasError) -> Step:
    message = f"{step.kind} {step.slug} {why}" if isinstance(why, str) else sentences(why.detail, why.advice)
    return replace(step, deed="blocked", findings=[Finding("", "document.blocked", message)])


def _finding(error: dict[str, Any]) -> Finding:
    severity: Literal["error", "warning"] = "warning" if error.get("severity") == "warning" else "error"
    return Finding(error["path"], error["code"], error["message"], severity, error.get("line"), error.get("column"))
