"""Two attempts of a step, or two runs, side by side: field by field, masked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from ipaas.accounts.models import Environment
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.actor import Actor
from ipaas.core.errors import NotFound
from ipaas.core.ids import uuid7_time
from ipaas.flows.models import Flow, FlowVersion
from ipaas.runtime.business_ids import found_by
from ipaas.runtime.models import Attempt, Run, StepRun
from ipaas.runtime.reading import WINDOW, business_ids_of, floor_of
from ipaas.runtime.showing import ShownRun
from ipaas.web.differences import differences
from ipaas.web.operate_readmodels import Candidate, ComparedPart
from ipaas.web.pages.run_timeline import read_steps, step_key
from ipaas.web.pages.runs import run_of
from ipaas.web.pages.support import asked, environment_of, options, read_id
from ipaas.web.pages.wording import plan_or_none, short_id, step_title, with_item
from ipaas.web.readmodels import Link, Option
from ipaas.web.rendering import state_look

MOST_ROWS = 300
MOST_CANDIDATES = 12


@require_GET
@page("runs.view")
def run_compare(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """``?step=&from=&to=`` compares two attempts of a step, ``?with=`` two runs; without either, what there is."""
    environment_of(request)
    run = run_of(request, run_id)
    place = [request.workspace.slug]
    here = reverse("runtime:run_detail", args=[*place, run.id])
    context: dict[str, Any] = {
        "crumbs": [Link(_("Runs"), reverse("runtime:run_list", args=place)), Link(run_label(run), here)],
        "parts": None,
    }
    if step := asked(request, "step"):
        context |= _attempts_compared(request, run, step)
    else:
        context |= _runs_compared(request, run)
    return render(request, "runtime/run_compare.html", context)


def run_label(run: Run) -> str:
    return run.business_key or _("Run {id}").format(id=short_id(run.id))


# -- two attempts --------------------------------------------------------------------------------------------------


def _attempts_compared(request: WorkspaceRequest, run: Run, key: str) -> dict[str, Any]:
    path, _mark, item = key.partition("#")
    step = StepRun.objects.filter(run_id=run.id, path=path, item=item).order_by("-seq").first()
    if step is None:
        raise NotFound(what="step")
    attempts = {str(one.number): one for one in Attempt.objects.filter(run_id=run.id, seq=step.seq).order_by("number")}
    numbers = list(attempts)
    before, after = asked(request, "from"), asked(request, "to")
    before = before if before in attempts else (numbers[-2] if len(numbers) > 1 else "")
    after = after if after in attempts else (numbers[-1] if len(numbers) > 1 else "")
    found: dict[str, Any] = {
        "title": _("Two attempts of “{step}”").format(step=step_title(plan_or_none(run.version_id), path)),
        "step": key,
        "from_options": _numbered(numbers, before),
        "to_options": _numbered(numbers, after),
        "before_label": _("Attempt {number}").format(number=before),
        "after_label": _("Attempt {number}").format(number=after),
    }
    if before and after:
        shown = ShownRun(run)
        found["parts"] = list(compared_attempts(shown, step, attempts[before], attempts[after]))
    return found


def _numbered(numbers: Sequence[str], chosen: str) -> list[Option]:
    return options({number: _("Attempt {number}").format(number=number) for number in numbers}, chosen)


def compared_attempts(shown: ShownRun, step: StepRun, before: Attempt, after: Attempt) -> Iterator[ComparedPart]:
    """Outcome, verdicts, what was sent and what came back."""
    was, now_ = _attempt(shown, step, before), _attempt(shown, step, after)
    titles = {
        "outcome": _("Outcome"), "verdicts": _("What the policies decided"), "request": _("Sent"),
        "response": _("Answered"),
    }  # fmt: skip
    for name, title in titles.items():
        yield ComparedPart(title, list(differences(was[name], now_[name], root=name))[:MOST_ROWS])


def _attempt(shown: ShownRun, step: StepRun, attempt: Attempt) -> dict[str, Any]:
    data = shown.attempt(step.path, step.item, attempt.number)
    outcome = {
        "outcome": attempt.outcome,
        "http status": attempt.http_status,
        "error class": attempt.error_class,
        "error code": attempt.error_code,
        "message": shown.text(attempt.error_message),
        "duration ms": round(attempt.duration_ms, 1),
    }
    verdicts = {str(one.get("policy")): {**one} for one in attempt.verdicts or ()}
    return {"outcome": outcome, "verdicts": verdicts, "request": data.request, "response": data.response}


# -- two runs ------------------------------------------------------------------------------------------------------


def _runs_compared(request: WorkspaceRequest, run: Run) -> dict[str, Any]:
    text = asked(request, "with")
    wanted = read_id(text)
    other = run_of(request, wanted) if wanted is not None else None
    found: dict[str, Any] = {
        "title": _("Compare with another run"),
        "candidates": _candidates(request, run),
        "chosen": text,
        "wrong": [_("This is not the id of a run.")] if text and wanted is None else [],
        "before_label": _label(other) if other is not None else "",
        "after_label": _label(run),
    }
    if other is not None:
        parts, alike = compared_runs(other, run)
        found |= {"parts": parts, "alike": alike, "other": other}
        found["other_url"] = reverse("runtime:run_detail", args=[request.workspace.slug, other.id])
    return found


def _label(run: Run) -> str:
    return f"{run_label(run)} · {uuid7_time(run.id):%Y-%m-%d %H:%M:%S}"


def compared_runs(before: Run, after: Run) -> tuple[list[ComparedPart], int]:
    """What differs, run, input and step by step, and how many steps are alike."""
    was, now_ = _RunData(before), _RunData(after)
    parts = [
        ComparedPart(_("The run"), list(differences(was.facts, now_.facts))),
        ComparedPart(_("Input"), list(differences(was.shown.input, now_.shown.input))[:MOST_ROWS]),
    ]
    alike = 0
    for key in [*was.steps, *(key for key in now_.steps if key not in was.steps)]:
        rows = list(differences(was.step(key), now_.step(key), root="step"))[:MOST_ROWS]
        if rows:
            parts.append(ComparedPart(now_.title(key) if key in now_.steps else was.title(key), rows))
        else:
            alike += 1
    return [part for part in parts if part.rows], alike


class _RunData:
    def __init__(self, run: Run) -> None:
        self.run, self.shown, self.plan = run, ShownRun(run), plan_or_none(run.version_id)
        steps, _left_out = read_steps(run)
        self.steps: Mapping[str, StepRun] = {step_key(step.path, step.item): step for step in steps}

    @property
    def facts(self) -> dict[str, Any]:
        run = self.run
        version = FlowVersion.objects.filter(id=run.version_id).only("number").first()
        place = Environment.objects.filter(id=run.environment_id).values_list("name", flat=True).first()
        return {
            "state": state_look(run.status).word,
            "flow": Flow.objects.filter(id=run.flow_id).values_list("title", flat=True).first() or "",
            "version": version.number if version is not None else None,
            "environment": place,
            "business ids": dict(business_ids_of([run]).get(run.id, [])),
            "error": {"class": run.error_class, "code": run.error_code, "step": run.error_step},
        }

    def step(self, key: str) -> Any:
        step = self.steps.get(key)
        if step is None:
            return None
        data = self.shown.step(step.path, step.item)
        error = {"class": step.error_class, "code": step.error_code, "message": self.shown.text(step.error_message)}
        state = {"state": step.status, "attempts": step.attempts, "error": error}
        return {**state, "input": data.input, "output": data.output}

    def title(self, key: str) -> str:
        path, _mark, item = key.partition("#")
        title = step_title(self.plan, path)
        return with_item(title, item)


def _candidates(request: WorkspaceRequest, run: Run) -> list[Candidate]:
    """Other runs worth a look: of the same records, of the same business id, and the last that went well."""
    found: dict[UUID, tuple[Run, str]] = {}
    for rows, why in (
        (_family(request.actor, run), _("same records")),
        (_same_id(request.actor, run), _("same {name}").format(name=_primary(run))),
        (last_successes(request.actor, run), _("last that succeeded")),
    ):
        for other in rows:
            if other.id != run.id:
                found.setdefault(other.id, (other, why))
    url = reverse("runtime:run_compare", args=[request.workspace.slug, run.id])
    return [
        Candidate(run_label(other), f"{url}?with={other.id}", why, other.status, uuid7_time(other.id))
        for other, why in list(found.values())[:MOST_CANDIDATES]
    ]


def _primary(run: Run) -> str:
    ids = business_ids_of([run]).get(run.id, [])
    return ids[0][0] if ids else _("business id")


def _family(actor: Actor, run: Run) -> list[Run]:
    return list(Run.objects.visible_to(actor).filter(root_run_id=run.root_run_id).order_by("-id")[:5])


def _same_id(actor: Actor, run: Run) -> list[Run]:
    if not run.business_key:
        return []
    named = found_by(run.workspace_id, run.business_key).order_by("-run_id").values_list("run_id", flat=True)[:6]
    return list(Run.objects.visible_to(actor).filter(id__in=list(named), flow_id=run.flow_id).order_by("-id"))


def last_successes(actor: Actor, run: Run) -> list[Run]:
    """The newest run of the same flow and place that succeeded, among the newest of the flow."""
    rows = Run.objects.visible_to(actor).filter(flow_id=run.flow_id)
    floor = floor_of(rows, WINDOW)
    rows = rows if floor is None else rows.filter(id__gte=floor)
    rows = rows.filter(environment_id=run.environment_id, status=Run.Status.SUCCEEDED).exclude(id=run.id)
    return list(rows.order_by("-id")[:1])
