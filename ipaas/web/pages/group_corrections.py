"""The same correction for all dead letters of one cause: written once, looked at in the first few, then replayed."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core import jsonio
from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.core.jsonio import JsonInvalid
from ipaas.runtime.models import DeadLetter, Run
from ipaas.runtime.patches import Changes
from ipaas.runtime.showing import ShownRun
from ipaas.web.change_previews import changed_samples
from ipaas.web.pages import bulk
from ipaas.web.pages.dead_letters import group_crumbs, letters_of_group
from ipaas.web.pages.support import options, posted, told, told_error
from ipaas.web.readmodels import Option

LINES = 4
MOST_PLACES = 200
MOST_CHARS = 64_000
_OPS = ("replace", "add", "remove")


@require_http_methods(["GET", "HEAD", "POST"])
@page("deadletters.correct")
def dead_letter_correct_all(request: WorkspaceRequest) -> HttpResponse:
    """POST ``deed=preview`` shows what the changes do to the newest inputs, ``deed=replay`` begins the bulk job."""
    group = letters_of_group(request)
    newest = list(group.letters.order_by("-id")[:5])
    if not newest:
        messages.info(request, _("No dead letter of this cause is open any more."))
        return redirect("runtime:dead_letter_list", request.workspace.slug)
    lines = [_Line(request, number) for number in range(LINES)]
    context: dict[str, Any] = {
        "lines": lines,
        "places": list(places_of(newest[0])),
        "patch": request.POST.get("patch", "")[:MOST_CHARS],
        "count": group.letters.count(),
        "crumbs": group_crumbs(request, group),
        "samples": None,
        "problem": "",
    }
    if request.method == "POST":
        try:
            changes = _changes(lines, context["patch"])
        except IpaasError as error:
            context["problem"] = told_error(error)
            return render(request, "runtime/dead_letter_correct_all.html", context, status=422)
        if posted(request, "deed") == "replay" and _begin(request, group.filter, changes):
            return redirect("runtime:dead_letter_list", request.workspace.slug)
        context["samples"] = changed_samples(newest, changes)
    return render(request, "runtime/dead_letter_correct_all.html", context)


def _begin(request: WorkspaceRequest, chosen: Mapping[str, Any], changes: Changes) -> bool:
    begun: list[bool] = []
    with told(request, _(bulk.STARTED)):
        given = {"changes": [dict(one) for one in changes.operations]}
        bulk.start(request, "correct", chosen, rate_per_s=bulk.asked_rate(request), **given)
        begun.append(True)
    return bool(begun)


class _Line:
    """One change as the form writes it: a place and its new value, JSON or else a text."""

    def __init__(self, request: WorkspaceRequest, number: int) -> None:
        self.number = number
        self.path = posted(request, f"path_{number}", 500)
        self.value = request.POST.get(f"value_{number}", "").replace("\x00", "")[:MOST_CHARS]
        op = posted(request, f"op_{number}")
        self.op = op if op in _OPS else "replace"

    @property
    def ops(self) -> list[Option]:
        words = {"replace": _("Set"), "add": _("Add"), "remove": _("Remove")}
        return options(words, self.op)

    @property
    def change(self) -> dict[str, Any]:
        path = self.path if self.path.startswith("/") else f"/{self.path}"
        return {"op": self.op, "path": path} | ({} if self.op == "remove" else {"value": self._read()})

    def _read(self) -> Any:
        try:
            return jsonio.loads(self.value)
        except JsonInvalid:
            return self.value


def _changes(lines: list[_Line], patch: str) -> Changes:
    found: Any = [line.change for line in lines if line.path]
    if patch.strip():
        more = jsonio.loads(patch)
        if not isinstance(more, list):
            message = _("a JSON Patch is a list of changes")
            raise InvalidInput([{"path": "patch", "code": "changes.invalid", "message": message}])
        found = [*found, *more]
    return Changes.read(found)


def places_of(letter: DeadLetter) -> Iterator[str]:
    """The places of an input as JSON Pointers, to choose from; names that are masked are left out."""
    try:
        shown = ShownRun(Run.objects.get(id=letter.run_id))
    except IpaasError:
        return
    for count, place in enumerate(_pointers(shown.whole_input, "")):
        if count == MOST_PLACES:
            return
        yield place


def _pointers(value: Any, path: str) -> Iterator[str]:
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        if "‹redacted" in str(name):
            continue
        place = f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}"
        if isinstance(item, Mapping | list) and item:
            yield from _pointers(item, place)
        else:
            yield place
