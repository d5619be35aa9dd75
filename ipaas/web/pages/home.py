"""Home of a workspace: what was achieved today, what is stuck and for whom, what waits for the reader."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from ipaas.accounts.models import Environment
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.clock import now
from ipaas.core.ids import uuid7_time
from ipaas.flows.models import Flow
from ipaas.governance.inbox import waiting_for
from ipaas.runtime.approvals import asked_of
from ipaas.runtime.letters import LetterGroup, group_letters, open_letters, total_worth
from ipaas.runtime.models import Approval, DeadLetter, Run
from ipaas.runtime.reading import classified_primary
from ipaas.runtime.showing import text_scrubber
from ipaas.runtime.today import SLICE, Day, FlowDay, pulse, read_day
from ipaas.web.pages.home_troubles import begin_steps, drift_todos, failure_rows, troubles_of
from ipaas.web.pages.support import environment_of
from ipaas.web.pages.wording import at_stake, counted, plan_or_none, step_title, words, worth
from ipaas.web.readmodels import OutcomeRow, TodoItem
from ipaas.web.rendering import number

NOTHING_NEW = 204
SLICES_AN_HOUR = 6
MOST_FLOWS = 100
MOST_TODOS = 8
MOST_ASKED = 200
MOST_NAMED = 3
LONGEST_NAMES = 30
"""Characters that the names of what is stuck may take together; one is always told."""
MOST_CAUSES = 5
HOLDS_S = 30
"""Limits, breakers and words have no pulse: they are at most so old."""


@require_GET
@page("flows.view")
def home(request: WorkspaceRequest) -> HttpResponse:
    """Today since midnight UTC in the chosen environment; ``?v=`` asks for it only when something has changed."""
    place = environment_of(request)
    version = f"{_pulse(request, place)}.{int(now().timestamp())}"
    if _still_holds(request.GET.get("v", ""), version):
        return HttpResponse(status=NOTHING_NEW)
    if request.session.get("workspace") != request.workspace.slug:
        request.session["workspace"] = request.workspace.slug
    several = len(request.workspace.environments.all()) > 1
    place = place if several else None
    flows = _flows(request)
    groups = group_letters(_letters(request, place)) if request.actor.may("deadletters.view") else []
    day = read_day(request.workspace.id, list(flows), place.id if place is not None else None)
    context: dict[str, Any] = {
        "place": place.name if place is not None else "",
        "tiles": _tiles(request, flows, day, groups, place),
        "outcomes": _outcomes(request, flows, day, groups),
        "todos": _todos(request, groups, flows),
        "failures": failure_rows(request, groups[:MOST_CAUSES], place),
        "troubles": troubles_of(request, environment_of(request)),
        "counting": not day.complete,
        "begin": begin_steps(request) if not flows else None,
        "version": version if day.complete else "counting",
        "poll_url": request.path,
    }
    if request.htmx and "v" in request.GET:
        return render(request, "web/home.html#today", context)
    return render(request, "web/home.html", context | {"throughput": _throughput(day)})


def _pulse(request: WorkspaceRequest, place: Environment | None) -> str:
    beat = f"{pulse(request.workspace.id)}/{place.id if place is not None else ''}"
    return hashlib.sha256(beat.encode()).hexdigest()[:16]


def _still_holds(shown: str, present: str) -> bool:
    """Whether what is shown is of the same pulse and not older than ``HOLDS_S``: what has no pulse changes too."""
    was, _mark, at = shown.partition(".")
    now_, _mark, present_at = present.partition(".")
    return was == now_ and at.isascii() and at.isdigit() and int(present_at) - int(at[:12]) < HOLDS_S


def _letters(request: WorkspaceRequest, place: Environment | None) -> "QuerySet[DeadLetter]":
    letters = open_letters(request.actor)
    return letters if place is None else letters.filter(environment_id=place.id)


class _Named:
    """A flow by its words: its title and what its runs are about; ``nameless`` where that must not be shown."""

    def __init__(self, slug: str, title: str, about: str, *, nameless: bool) -> None:
        self.slug, self.title, self.about, self.nameless = slug, title, about, nameless

    def __repr__(self) -> str:
        return self.slug


def _flows(request: WorkspaceRequest) -> Mapping[UUID, _Named]:
    """Flows that are deployed somewhere, with the primary business id of a deployed version."""
    rows = Flow.objects.visible_to(request.actor).live().filter(deployments__active=True)
    found: dict[UUID, _Named] = {}
    for flow_id, slug, title, version_id in rows.order_by("title").values_list(
        "id", "slug", "title", "deployments__version_id"
    )[:MOST_FLOWS]:
        plan = plan_or_none(version_id)
        about = plan.primary if plan is not None else ""
        found[flow_id] = _Named(slug, title, about, nameless=classified_primary(version_id))
    return found


def _outcomes(
    request: WorkspaceRequest, flows: Mapping[UUID, _Named], day: Day, groups: Sequence[LetterGroup]
) -> list[OutcomeRow]:
    stuck: dict[UUID, int] = defaultdict(int)
    for group in groups:
        stuck[group.flow_id] += group.count
    runs = reverse("runtime:run_list", args=[request.workspace.slug])
    rows = []
    for flow_id, flow in flows.items():
        today = day.flows[flow_id]
        if not today.begun and not stuck[flow_id]:
            continue
        rows.append(
            OutcomeRow(
                flow=flow.title,
                url=f"{runs}?{urlencode({'flow': flow.slug})}",
                achieved=_("{what} done").format(what=counted(today.succeeded, flow.about)),
                succeeded=today.succeeded,
                under_way=today.under_way,
                compensated=today.abnormal[Run.Status.COMPENSATED],
                stuck=stuck[flow_id],
                trend=_hours(today, day.slices),
            )
        )
    return sorted(rows, key=lambda row: (-row.stuck, -row.succeeded, row.flow))


def _hours(today: FlowDay, slices: int) -> list[float]:
    """Runs begun per hour of the day so far."""
    hours = (slices + SLICES_AN_HOUR - 1) // SLICES_AN_HOUR
    found = [0.0] * hours
    for place, count in today.slices.items():
        found[min(place // SLICES_AN_HOUR, hours - 1)] += count
    return found


def _tiles(
    request: WorkspaceRequest,
    flows: Mapping[UUID, _Named],
    day: Day,
    groups: Sequence[LetterGroup],
    place: Environment | None,
) -> list[dict[str, Any]]:
    runs = reverse("runtime:run_list", args=[request.workspace.slug])
    done: dict[str, int] = defaultdict(int)
    for flow_id, flow in flows.items():
        done[flow.about] += day.flows[flow_id].succeeded
    achieved = [counted(count, about) for about, count in sorted(done.items(), key=lambda pair: -pair[1]) if count]
    days = list(day.flows.values())
    under_way, undone = sum(one.under_way for one in days), sum(one.abnormal[Run.Status.COMPENSATED] for one in days)
    tiles = [
        _tile(
            _("Done today"),
            achieved[0] if achieved else _("nothing yet"),
            ", ".join(achieved[1:4]),
            runs,
            "",
            "ok",
        ),
        _tile(
            _("Under way"),
            number(under_way),
            _("begun today, not ended"),
            f"{runs}?status=running",
            "",
            "running",
        ),
        _tile(
            _("Undone today"),
            number(undone),
            _("failed later and compensated"),
            f"{runs}?status=compensated",
            "",
            "compensating",
        ),
    ]
    if request.actor.may("deadletters.view"):
        tiles.append(_stuck_tile(request, flows, groups, place))
    return tiles


def _stuck_tile(
    request: WorkspaceRequest,
    flows: Mapping[UUID, _Named],
    groups: Sequence[LetterGroup],
    place: Environment | None,
) -> dict[str, Any]:
    """How many are stuck, and for whom: the newest by name."""
    count = sum(group.count for group in groups)
    named = [flow_id for flow_id, flow in flows.items() if not flow.nameless]
    letters = _letters(request, place).filter(flow_id__in=named).order_by("-id")
    newest = letters.values_list("business_key", flat=True)[:MOST_NAMED]
    names = list(dict.fromkeys(key for key in newest if key))
    while len(names) > 1 and len(", ".join(names)) > LONGEST_NAMES:
        names.pop()
    told = ", ".join(names)
    if count > len(names):
        told = _("{names} and {count} more").format(names=told, count=number(count - len(names)))
    told = " · ".join(part for part in (worth(total_worth(groups)), told) if part)
    url = reverse("runtime:dead_letter_list", args=[request.workspace.slug])
    return _tile(
        _("Stuck"),
        number(count),
        told if count else _("all clear"),
        url,
        "bad" if count else "",
        "dead",
    )


def _tile(label: str, value: str, hint: str, url: str, tone: str, icon: str) -> dict[str, Any]:
    return {"label": label, "value": value, "hint": hint, "url": url, "tone": tone, "icon": icon, "trend": []}


def _todos(request: WorkspaceRequest, groups: Sequence[LetterGroup], flows: Mapping[UUID, _Named]) -> list[TodoItem]:
    """Decisions first, then data that drifts, then what stopped."""
    todos: list[TodoItem] = []
    place = [request.workspace.slug]
    if request.actor.may("approvals.decide"):
        pending = Approval.objects.visible_to(request.actor).filter(state=Approval.State.PENDING, expires_at__gt=now())
        scrub = text_scrubber(request.workspace.id)
        for approval in asked_of(request.actor, pending.order_by("-id")[:MOST_ASKED])[:MOST_TODOS]:
            url = reverse("runtime:approval_detail", args=[*place, approval.id])
            title = scrub(approval.title)
            todos.append(TodoItem("approvals", title, url, uuid7_time(approval.id)))
    if request.actor.may("reviews.decide"):
        for review in waiting_for(request.actor)[:MOST_TODOS]:
            url = reverse("governance:review_detail", args=[*place, review.id])
            title = _("Review {title}").format(title=review.title)
            todos.append(TodoItem("reviews", title, url, review.requested_at))
    todos += drift_todos(request)
    if request.actor.may("runs.replay") or request.actor.may("deadletters.correct"):
        todos += [_letters_todo(group, flows, place) for group in groups[:MOST_TODOS]]
    return todos[:MOST_TODOS]


def _letters_todo(group: LetterGroup, flows: Mapping[UUID, _Named], place: list[str]) -> TodoItem:
    flow = flows.get(group.flow_id)
    what = at_stake(group, flow.about if flow is not None else "")
    step = step_title(plan_or_none(group.version_id) if group.version_id else None, group.step)
    url = reverse("runtime:dead_letter_list", args=place)
    if flow is not None:
        query = urlencode({"flow": flow.slug, "cause": group.cause})
        url = f"{reverse('runtime:dead_letter_group', args=place)}?{query}"
    text = _("{what} stopped at “{step}”: {error}").format(what=what, step=step, error=words(group.error_code).lower())
    return TodoItem("dead", text, url, group.oldest_at, "bad")


def _throughput(day: Day) -> dict[str, Any] | None:
    """Runs by the ten minutes they began in, those that ended badly apart."""
    if not any(one.begun for one in day.flows.values()):
        return None
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    width = int(SLICE.total_seconds())
    bad = [sum(one.abnormal_slices[place] for one in day.flows.values()) for place in range(day.slices)]
    all_of = [sum(one.slices[place] for one in day.flows.values()) for place in range(day.slices)]
    good = [max(begun - failed, 0) for begun, failed in zip(all_of, bad, strict=True)]
    return {
        "x": [int(midnight.timestamp()) + width * place for place in range(day.slices)],
        "unit": "",
        "series": [
            {"label": _("Succeeded or under way"), "tone": "ok", "values": good},
            {"label": _("Ended otherwise"), "tone": "bad", "values": bad},
        ],
    }
