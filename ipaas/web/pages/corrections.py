"""The editor of an input: masked text in, clear input out, with the difference and the faults to show."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core import jsonio
from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.core.jsonio import JsonInvalid
from ipaas.core.phrases import in_words
from ipaas.runtime.corrections import restored_input
from ipaas.runtime.models import Run
from ipaas.runtime.replays import replay_run
from ipaas.runtime.showing import ShownRun
from ipaas.web.differences import differences
from ipaas.web.pages.run_view import RunView
from ipaas.web.pages.runs import reason_of, run_of
from ipaas.web.pages.support import environment_of, posted, told
from ipaas.web.readmodels import Finding, Link

MOST_CHARS = 256_000
MOST_ROWS = 100


class Correction:
    """``text`` is what somebody edited; without it the editor shows what is stored, masked."""

    def __init__(self, shown: ShownRun | None, text: str | None = None) -> None:
        self._shown = shown if shown is not None and shown.has_input else None
        self._text = text
        self.findings: list[Finding] = []
        self.clear: Any = None
        if text is not None and self._shown is not None:
            self._read(text)

    @cached_property
    def stored(self) -> str:
        return pretty(self._shown.whole_input) if self._shown is not None else ""

    @property
    def possible(self) -> bool:
        return self._shown is not None and len(self.stored) <= MOST_CHARS

    @property
    def problem(self) -> str:
        if self._shown is None:
            return _("The input of this run is no longer kept; start the flow anew with its input.")
        return (
            "" if self.possible else _("The input is too large to edit here; send the corrected one through the API.")
        )

    def _read(self, text: str) -> None:
        assert self._shown is not None  # noqa: S101 - checked by the caller
        try:
            self.clear = restored_input(self._shown, jsonio.loads(text))
        except JsonInvalid as error:
            before = text[: error.offset or 0]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            self.findings = [
                Finding("error", in_words(error.detail), line=line, column=column, remedy=in_words(error.advice))
            ]
        except InvalidInput as error:
            self.findings = [Finding("error", in_words(found["message"]), path=found["path"]) for found in error.errors]
        except IpaasError as error:
            self.findings = [Finding("error", in_words(error.detail), remedy=in_words(error.advice))]

    @property
    def context(self) -> dict[str, Any]:
        """``input_text``, ``findings`` and ``diff`` (None before anything was edited)."""
        diff = None
        if self._text is not None and self._shown is not None and not self.findings:
            corrected = self._shown.masked_input(self.clear)
            diff = list(differences(self._shown.whole_input, corrected))[:MOST_ROWS]
        return {
            "input_text": self.stored if self._text is None else self._text,
            "findings": self.findings,
            "diff": diff,
        }


def pretty(value: Any) -> str:
    """Indented JSON as the editor shows it; exact decimals stay exact."""
    return "".join(_pretty(value, "")) + "\n"


def _pretty(value: Any, indent: str) -> Iterator[str]:
    inner = indent + "  "
    if isinstance(value, Mapping) and value:
        lines = (
            f"{inner}{jsonio.dumps(name).decode()}: {''.join(_pretty(item, inner))}" for name, item in value.items()
        )
        yield "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    elif isinstance(value, list | tuple) and value:
        yield "[\n" + ",\n".join(f"{inner}{''.join(_pretty(item, inner))}" for item in value) + f"\n{indent}]"
    else:
        yield jsonio.dumps(value).decode()


@require_http_methods(["GET", "HEAD", "POST"])
@page("deadletters.correct")
def run_correct(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """Replay an ended run with a corrected input: edit, look at the difference, replay."""
    environment_of(request)
    run = run_of(request, run_id)
    view = RunView(run, request.actor, request.workspace.slug)
    correction = Correction(view.shown, request.POST.get("input", "") if request.method == "POST" else None)
    if request.method == "POST" and posted(request, "deed") == "replay" and not correction.findings:
        again: Run | None = None
        with told(request, _("The corrected input is being replayed.")):
            again = replay_run(actor=request.actor, run=run, reason=reason_of(request), input=correction.clear)
        if again is not None:
            return redirect("runtime:run_detail", request.workspace.slug, again.id)
    place = [request.workspace.slug]
    context = {
        "crumbs": [
            Link(_("Runs"), reverse("runtime:run_list", args=place)),
            Link(_("Run"), reverse("runtime:run_detail", args=[*place, run.id])),
        ],
        "problem": view.problem or correction.problem,
        "correct_url": request.path if correction.possible and run.ended else "",
        **correction.context,
    }
    return render(request, "runtime/run_correct.html", context, status=422 if correction.findings else 200)
