"""What a review shows: what changes in words, what else it touches, what the checks say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.catalog.models import Connection
from ipaas.core.document_forms import Change, Finding
from ipaas.core.document_types import Check, CheckResult, document_type
from ipaas.core.documents import DocumentVersion
from ipaas.core.phrases import in_words
from ipaas.flows.models import Deployment
from ipaas.flows.usage import connections_in
from ipaas.governance.following import Use, uses_of
from ipaas.governance.models import Review
from ipaas.governance.reviews import changes_of
from ipaas.web.pages.documents import read_value

PLAIN = frozenset({"title", "description", "owner", "tags", "domain", "tests", "examples"})
WRAPPERS = frozenset({"fields", "item", "properties", "items", "schema", "steps"})


@dataclass(frozen=True)
class Worded:
    """One change in words; ``place`` is the JSON pointer that comments name."""

    kind: str
    words: str
    place: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class AffectedRow:
    """A deployment: what it runs now, and whether it is to run the new version from its next run on.

    ``follows``: whether it can; over a connector it can not, as connections are moved one by one.
    """

    id: str
    flow: str
    url: str
    environment: str
    version: int
    pinned: str
    fixed: bool
    chosen: bool
    follows: bool = True


@dataclass(frozen=True)
class CheckRow:
    name: str
    title: str
    state: str
    summary: str
    details: Sequence[Finding]


# -- in words ------------------------------------------------------------------------------------------------------


def written_base(review: Review) -> DocumentVersion | None:
    """The version that the change was made upon; None for a first one."""
    rows = document_type(review.kind).versions.filter(document_id=review.document_id)
    found: DocumentVersion | None = rows.filter(number=review.base_version).select_related("document").first()
    return found


def worded_changes(review: Review, base: DocumentVersion | None) -> list[Worded]:
    """The change as sentences, field by field; what only says what it is about comes last."""
    if review.kind == "connector":
        return [_of_connector(one) for one in changes_of(review, base)]
    found = [_worded(one) for one in changes_of(review, base)]
    return sorted(found, key=lambda one: one.place.split("/")[1:2] in [[name] for name in PLAIN])


def _of_connector(change: Change) -> Worded:
    """A change of an operation comes in words; addresses, authentication and limits come by value."""
    if not change.path.startswith(("/actions/", "/triggers/")):
        return _worded(change)
    place = change.path[1:].replace("/", ".")
    return Worded(change.kind, f"{place} {in_words(change.after)}", change.path)


def _worded(change: Change) -> Worded:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in change.path.split("/")[1:]]
    name = ".".join(part for part in parts if part not in WRAPPERS) or _("the document")
    top = parts[0] if parts else ""
    if top in PLAIN:
        words = {
            "added": _("{name} is set").format(name=name),
            "removed": _("{name} is taken out").format(name=name),
            "changed": _("{name} is worded differently").format(name=name),
        }
    elif top == "fields":
        words = {
            "added": _("The field {name} is new").format(name=name),
            "removed": _("The field {name} is gone").format(name=name),
            "changed": _("The field {name} is worked out differently").format(name=name),
        }
    else:
        words = {
            "added": _("{name} is new").format(name=name),
            "removed": _("{name} is gone").format(name=name),
            "changed": _("{name} is different").format(name=name),
        }
    before, after = (read_value(one) if one is not None else "" for one in (change.before, change.after))
    return Worded(change.kind, words[change.kind], change.path, before, after)


def summed(changes: Sequence[Worded]) -> str:
    """``2 fields are new, 1 is worked out differently``, for the first glance."""
    counted = {kind: sum(one.kind == kind for one in changes) for kind in ("added", "removed", "changed")}
    parts = [
        ngettext("{count} place is new", "{count} places are new", counted["added"]).format(count=counted["added"]),
        ngettext("{count} is gone", "{count} are gone", counted["removed"]).format(count=counted["removed"]),
        ngettext("{count} is different", "{count} are different", counted["changed"]).format(count=counted["changed"]),
    ]
    return ", ".join(part for part, kind in zip(parts, counted, strict=True) if counted[kind])


# -- what else it touches ------------------------------------------------------------------------------------------


def affected_rows(request: WorkspaceRequest, review: Review) -> list[AffectedRow]:
    """Deployments that use the document; of a flow its own."""
    kind = document_type(review.kind)
    document = kind.documents.filter(id=review.document_id).first()
    if document is None:
        return []
    if review.kind == "connector":
        return _over_connector(request, review)
    if review.kind == "flow":
        own = Deployment.objects.filter(flow_id=document.id, active=True).select_related(
            "environment", "version", "flow"
        )
        rows = [_affected(request, Use(one, (), fixed=False, suggested=False), review) for one in own]
        return [replace(one, follows=False) for one in rows]
    return [_affected(request, one, review) for one in uses_of(document, base=review.base_version)]


def _over_connector(request: WorkspaceRequest, review: Review) -> list[AffectedRow]:
    """Deployments of flows that call over connections of a connector, each with the version it is pinned to."""
    rows = Connection.objects.in_workspace(review.workspace_id).filter(connector=review.slug)
    pinned = {(one.environment_id, one.slug): one.connector_version for one in rows}
    if not pinned:
        return []
    running = Deployment.objects.in_workspace(review.workspace_id).running()
    running = running.select_related("flow", "version", "environment").order_by("flow__slug", "environment__position")
    found = []
    for one in running:
        named = connections_in(one.version.content)
        versions = sorted({pinned[key] for slug in named if (key := (one.environment_id, slug)) in pinned})
        if versions:
            row = _affected(request, Use(one, (), fixed=False, suggested=False), review)
            found.append(replace(row, pinned=", ".join(versions), follows=False))
    return found


def _affected(request: WorkspaceRequest, use: Use, review: Review) -> AffectedRow:
    row = use.deployment
    return AffectedRow(
        id=str(row.id),
        flow=row.flow.title,
        url=reverse("flows:flow_detail", args=[request.workspace.slug, row.flow.slug]),
        environment=row.environment.name,
        version=row.version.number,
        pinned=", ".join(str(number) for number in use.numbers),
        fixed=use.fixed,
        chosen=str(row.id) in review.bring,
    )


def check_rows(review: Review) -> list[CheckRow]:
    """The checklist, as the platform fills it in now; of an ended review nothing."""
    if not review.is_open:
        return []
    base = written_base(review)
    kind = document_type(review.kind)
    findings = kind.validate(review.content, review.workspace_id)
    errors = [one for one in findings if one.severity == "error"]
    state = "failed" if errors else "warning" if findings else "passed"
    whole = CheckRow("valid", _("The document is valid"), state, _validity(len(errors), len(findings)), findings)
    if errors:
        return [whole]
    results = kind.checked(review.content, base.content if base is not None else None, review.workspace_id)
    return [whole, *(_check_row(check, result) for check, result in results)]


def _check_row(check: Check, result: CheckResult) -> CheckRow:
    return CheckRow(check.name, _(check.title), result.state, in_words(result.summary), result.details)


def _validity(errors: int, findings: int) -> str:
    if errors:
        return ngettext("{count} error", "{count} errors", errors).format(count=errors)
    if findings:
        return ngettext("{count} thing worth a look", "{count} things worth a look", findings).format(count=findings)
    return _("nothing to say against it")
