"""The tests of a mapping: their results beside the editor and on a page of their own, what makes new ones, drift."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core import yamlio
from ipaas.core.document_forms import errors_of, read_document
from ipaas.core.errors import InvalidInput, IpaasError, NotFound, PermissionDenied
from ipaas.core.phrases import in_words
from ipaas.mapping.case_making import (
    Change,
    accepting,
    adding,
    adding_sample,
    generating,
    removing,
    with_outcome,
)
from ipaas.mapping.case_services import change_tests, changed_text
from ipaas.mapping.cases import CaseResult, Tester, run_cases
from ipaas.mapping.coverage import Coverage, coverage
from ipaas.mapping.document import validate
from ipaas.mapping.models import Mapping as Document
from ipaas.mapping.resolving import resolver_of
from ipaas.runtime.drift import drift_named, ignore_drift, open_drift, test_drift, words_of
from ipaas.runtime.drift_models import MappingDrift
from ipaas.runtime.samples import Sample, captured_inputs
from ipaas.web.pages import document_views as views
from ipaas.web.pages.documents import Context, read_content, text_of
from ipaas.web.pages.mappings import MAPPINGS
from ipaas.web.pages.support import environment_of, posted, told, told_error

MOST_MISSED = 30
MOST_SAMPLES = 10
MOST_OF_A_VALUE = 100_000
WITHIN_S = 5
COVERED_WITHIN_S = 2.0


@dataclass(frozen=True)
class Row:
    """A test and how it went; ``lines`` are places and what is wrong there."""

    name: str
    passed: bool
    lines: list[tuple[str, str]]
    notes: list[str]


@dataclass(frozen=True)
class Panel:
    """The results of a document's tests. Without ``ready`` the document has faults, and nothing ran."""

    ready: bool = False
    problem: str = ""
    rows: list[Row] = field(default_factory=list)
    reached: Coverage | None = None
    missed: list[str] = field(default_factory=list)
    more: int = 0

    @property
    def failed(self) -> int:
        return sum(not row.passed for row in self.rows)

    @property
    def summary(self) -> str:
        if not self.rows:
            return _("none yet")
        if self.failed:
            return _("{failed} of {count} fail").format(failed=self.failed, count=len(self.rows))
        return ngettext("{count} passes", "all {count} pass", len(self.rows)).format(count=len(self.rows))

    @property
    def note(self) -> str:
        return in_words(self.reached.note) if self.reached else ""

    @property
    def reach(self) -> list[tuple[str, int, int]]:
        if self.reached is None:
            return []
        names = {"field": _("Fields"), "branch": _("Branches"), "row": _("Rows of lookups")}
        counted = ((name, *self.reached.of(kind)) for kind, name in names.items())  # type: ignore[arg-type]
        return [one for one in counted if one[2]]


def panel_of(content: Any, workspace_id: UUID) -> Panel:
    """The results of a content of any form."""
    if not isinstance(content, dict) or errors_of(validate(content, workspace_id)):
        return Panel()
    if not content.get("tests"):
        return Panel(ready=True)
    resolve = resolver_of(workspace_id)
    found = run_cases(content, resolve=resolve, within_s=WITHIN_S)
    if found.problem:
        return Panel(ready=True, problem=in_words(found.problem))
    reached = coverage(content, resolve=resolve, within_s=COVERED_WITHIN_S)
    missed = [in_words(point.words) for point in reached.missed]
    rows = [_row(one) for one in found.results]
    return Panel(True, "", rows, reached, missed[:MOST_MISSED], max(0, len(missed) - MOST_MISSED))


def _row(result: CaseResult) -> Row:
    lines = [(one.path or "/", in_words(one.message)) for one in result.differences]
    return Row(result.name, result.passed, lines, [in_words(note) for note in result.notes])


def panel_context(request: WorkspaceRequest, content: Any, document: Document | None) -> Context:
    """What ``mapping/partials/tests.html`` shows."""
    place = request.workspace.slug
    may_edit = document is not None and request.actor.may("mappings.edit") and not document.archived
    editable = may_edit and document is not None and not document.derived_from
    return {
        "tests": panel_of(content, request.workspace.id),
        "tests_check_url": reverse("mapping:mapping_tests_check", args=[place]),
        "tests_url": reverse("mapping:mapping_tests", args=[place, document.slug]) if document else "",
        "tests_change_url": reverse("mapping:mapping_tests_change", args=[place, document.slug])
        if editable and document
        else "",
        "tests_from_schema": isinstance(content, dict) and isinstance(content.get("source_schema"), str),
    }


@require_POST
@page("mappings.view")
def mapping_tests_check(request: WorkspaceRequest) -> HttpResponse:
    """The results of a text's tests, as a fragment; stores nothing."""
    slug = posted(request, "of", 80)
    document = MAPPINGS.documents(request).filter(slug=slug).first() if slug else None
    context = panel_context(request, read_content(text_of(request)), document)
    return render(request, "mapping/partials/tests.html", {**context, "in_editor": True, "document": document})


@require_GET
@page("mappings.view")
def mapping_tests(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """The tests of the draft as it is saved, what recent runs gave to the mapping, and how their data has drifted."""
    environment_of(request)
    document = MAPPINGS.document(request, slug)
    context = {
        **panel_context(request, document.draft, document),
        "document": document,
        "crumbs": MAPPINGS.crumbs(request, document),
        "edit_url": MAPPINGS.url_if(request, "edit", "edit", document),
        "samples": _samples(request, document),
        "may_see_runs": request.actor.may("runs.view"),
        "drift": drift_rows(request, document),
    }
    return render(request, "mapping/mapping_tests.html", context)


def _samples(request: WorkspaceRequest, document: Document) -> list[Sample]:
    if not request.actor.may("runs.view"):
        return []
    return captured_inputs(actor=request.actor, workspace=request.workspace, mapping=document.slug, limit=MOST_SAMPLES)


def drift_rows(request: WorkspaceRequest, document: Document) -> list[Context]:
    """How the data of runs has moved away from the schema, for the pages of a mapping."""
    place = request.workspace.slug
    may_edit = request.actor.may("mappings.edit")
    return [
        {
            "words": in_words(words_of(row)),
            "row": row,
            "run_url": reverse("runtime:run_detail", args=[place, row.run_id]),
            "url": reverse("mapping:mapping_drift", args=[place, document.slug, row.id]) if may_edit else "",
        }
        for row in open_drift(request.actor, document)
    ]


@require_POST
@page("mappings.edit")
def mapping_tests_change(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Change the tests: of the text that was sent, which is saved with it, else of the draft as it is saved."""
    document = MAPPINGS.document(request, slug)
    in_editor = "document" in request.POST
    try:
        change, done = _change(request, document)
        if in_editor:
            text = changed_text(text_of(request), change, request.workspace.id)
            return _saved(request, slug, text, done)
        change_tests(actor=request.actor, workspace=request.workspace, slug=slug, change=change)
    except (NotFound, PermissionDenied):
        raise
    except IpaasError as error:
        messages.error(request, told_error(error))
        if in_editor:
            return views.shown(request, MAPPINGS, document)
    else:
        messages.success(request, done)
    return redirect(MAPPINGS.url(request, "tests", slug))


def _saved(request: WorkspaceRequest, slug: str, text: str, done: str) -> HttpResponse:
    """Save the text as the editor's own button does, with its guard against two people."""
    given: QueryDict = request.POST.copy()
    given["document"] = text
    request.POST = given  # type: ignore[assignment]  # a form like the one that was sent
    answer = views.edit(request, MAPPINGS, slug)
    if answer.status_code == 302:
        messages.success(request, done)
    return answer


Done = tuple[Change, str]


def _change(request: WorkspaceRequest, document: Document) -> Done:
    resolve = resolver_of(request.workspace.id)
    deeds: dict[str, Callable[[str], Done]] = {
        "accept": lambda _name: (accepting(_names(request, "accept"), resolve), _("The new output is expected now.")),
        "remove": lambda _name: (removing(_names(request, "remove")), _("The test is removed.")),
        "generate": lambda _: (generating(resolve), _generated()),
        "from_run": lambda use: (_from_run(request, document, use), _made()),
        "of_sample": lambda _: (_of_sample(request), _made()),
        "add": lambda _: (_by_hand(request), _made()),
    }
    for name, deed in deeds.items():
        if name in request.POST:
            return deed(posted(request, name, 1000))
    raise InvalidInput([{"path": "", "code": "tests.deed", "message": _("choose what to do with the tests")}])


def _made() -> str:
    return _("A test is added. Read what it expects before you trust it.")


def _generated() -> str:
    return _("There is a test for each edge of the schema. Read what they expect before you trust them.")


def _names(request: WorkspaceRequest, name: str) -> list[str]:
    return request.POST.getlist(name)[:500]


def _from_run(request: WorkspaceRequest, document: Document, use: str) -> Change:
    """``use`` names a run, a step and an element: ``<run id> <path> <item>``."""
    run_id, _sep, rest = use.partition(" ")
    path, _sep, item = rest.partition(" ")
    return sample_change(request.actor, document, run_id, path, item)


def sample_change(actor: Any, document: Document, run_id: str, path: str = "", item: str = "") -> Change:
    """A test of what a run gave to the mapping, of its first use where none is named."""
    try:
        wanted = UUID(run_id)
    except ValueError:
        raise NotFound(what="run") from None
    if not actor.may("runs.view"):
        raise NotFound(what="run")
    found = captured_inputs(actor=actor, workspace=document.workspace, mapping=document.slug, run_id=wanted)
    sample = next((one for one in found if (not path or one.step == path) and (not item or one.item == item)), None)
    if sample is None:
        raise NotFound(what="sample of this run")
    name = f"{sample.flow}, {sample.at:%Y-%m-%d %H:%M}" + (f", {sample.item}" if sample.item else "")
    return adding_sample(sample.scope, resolver_of(document.workspace_id), name=name, from_run=run_id)


def _of_sample(request: WorkspaceRequest) -> Change:
    """The sample that the button names by its text, else the one beside the editor, as it was typed."""
    value = _value(request, "sample" if request.POST["of_sample"] == "yes" else "of_sample")

    def change(content: Mapping[str, Any]) -> list[Any]:
        tester = Tester(content, resolver_of(request.workspace.id))
        return adding([with_outcome(tester, {"name": "sample", "input": value})])(content)

    return change


def _by_hand(request: WorkspaceRequest) -> Change:
    case: dict[str, Any] = {"name": posted(request, "name", 200), "input": _value(request, "input")}
    if not case["name"]:
        raise InvalidInput([{"path": "name", "code": "tests.name", "message": _("a test needs a name")}])
    if request.POST.get("expect", "").strip():
        return adding([{**case, "expect": _value(request, "expect")}])

    def change(content: Mapping[str, Any]) -> list[Any]:
        return adding([with_outcome(Tester(content, resolver_of(request.workspace.id)), case)])(content)

    return change


def _value(request: WorkspaceRequest, name: str) -> Any:
    """A value typed as YAML or JSON."""
    text = request.POST.get(name, "")
    if len(text) > MOST_OF_A_VALUE:
        message = _("longer than {most} characters; put it into the document as text").format(most=MOST_OF_A_VALUE)
        raise InvalidInput([{"path": name, "code": "tests.size", "message": message}])
    try:
        return read_document(content={"value": yamlio.load(text)}).content["value"]
    except InvalidInput:
        raise
    except IpaasError as error:
        raise InvalidInput([{"path": name, "code": error.code, "message": in_words(error.detail)}]) from error


@require_POST
@page("mappings.edit")
def mapping_drift(request: WorkspaceRequest, slug: str, drift_id: UUID) -> HttpResponse:
    """Make a test of the input in which drift was found, or tell of it no more."""
    document = MAPPINGS.document(request, slug)
    drift: MappingDrift = drift_named(request.actor, document, drift_id)
    if posted(request, "deed") == "test":
        with told(request, _made()):
            test_drift(actor=request.actor, workspace=request.workspace, mapping=document, drift=drift)
    else:
        with told(request, _("It is told of no more.")):
            ignore_drift(actor=request.actor, mapping=document, drift=drift)
    return redirect(MAPPINGS.url(request, "tests", slug))
