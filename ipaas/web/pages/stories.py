"""The story of a business id: all that happened with one order, one customer, over every flow."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from ipaas.accounts.models import Environment
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.ids import uuid7_time
from ipaas.flows.plan import CallBlock, EmitBlock, Plan
from ipaas.runtime.models import Effect, Run
from ipaas.runtime.stories import MOST_RUNS, find_story
from ipaas.web.operate_readmodels import StoryRun
from ipaas.web.pages.run_list import run_rows
from ipaas.web.pages.support import environment_of
from ipaas.web.pages.wording import plan_or_none, step_title, trigger_word, with_item
from ipaas.web.readmodels import Effect as EffectView
from ipaas.web.readmodels import Link

MOST_SHOWN = 40


@require_GET
@page("runs.view")
def story(request: WorkspaceRequest, name: str, value: str) -> HttpResponse:
    """Every run with this business id, the oldest first, with what each changed outside."""
    environment_of(request)
    name, value = (text.replace("\x00", "")[:500] for text in (name, value))
    found = find_story(request.actor, name, value)
    rows = _story_runs(request, found.runs, found.effects)
    context = {
        "name": name,
        "value": value,
        "runs": rows,
        "note": _("Only the newest {count} runs are shown.").format(count=MOST_RUNS) if found.more else "",
        "crumbs": [Link(_("Runs"), reverse("runtime:run_list", args=[request.workspace.slug]))],
    }
    return render(request, "runtime/story.html", context, status=200 if rows else 404)


def _story_runs(request: WorkspaceRequest, runs: Sequence[Run], effects: Any) -> list[StoryRun]:
    places = dict(Environment.objects.filter(workspace_id=request.workspace.id).values_list("id", "name"))
    shown = run_rows(runs, request.workspace.slug)
    return [
        StoryRun(
            id=row.id,
            url=row.url,
            flow=row.flow,
            environment=places.get(run.environment_id, ""),
            status=row.status,
            started_at=row.started_at or uuid7_time(run.id),
            duration_ms=row.duration_ms,
            trigger=pgettext("trigger", "Replay") if run.replay_of else trigger_word(run.trigger),
            did=effect_views(plan_or_none(run.version_id), effects.get(run.id, [])),
            step=row.step,
            error=row.error,
            compare_url=reverse("runtime:run_compare", args=[request.workspace.slug, run.id]),
        )
        for run, row in zip(runs, shown, strict=True)
    ]


def effect_views(plan: Plan | None, effects: Sequence[Effect]) -> list[EffectView]:
    """What happened outside, undoings too; without the other side's references, which are sealed."""
    order = {path: number for number, path in enumerate(plan.blocks if plan is not None else ())}

    def place(one: Effect) -> tuple[bool, int, str]:
        return one.path.endswith("~undo"), order.get(one.path, len(order)), one.item

    ranked = sorted(effects, key=place)[:MOST_SHOWN]
    return [_effect_view(plan, one) for one in ranked]


def _effect_view(plan: Plan | None, effect: Effect) -> EffectView:
    block = plan.blocks.get(effect.path) if plan is not None else None
    title = step_title(plan, effect.path)
    return EffectView(
        title=with_item(title, effect.item),
        connection=block.connection
        if isinstance(block, CallBlock)
        else _("event")
        if isinstance(block, EmitBlock)
        else "",
        reference="",
        mode="succeeded" if effect.state == Effect.State.DONE else "unknown",
    )
