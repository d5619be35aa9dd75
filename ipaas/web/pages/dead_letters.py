"""Dead letters: by cause, one by one, corrected and replayed, or discarded with a reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.models import Environment
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.errors import NotFound
from ipaas.core.ids import uuid7_time
from ipaas.flows.models import Flow
from ipaas.runtime.business_ids import found_by
from ipaas.runtime.letters import LetterGroup, group_letters, open_letters, total_worth
from ipaas.runtime.models import DeadLetter, Run
from ipaas.runtime.reading import business_ids_of
from ipaas.runtime.replays import correct_and_replay, discard_dead_letter, replay_dead_letter
from ipaas.web.pages import bulk
from ipaas.web.pages.corrections import Correction
from ipaas.web.pages.impacts import replay_impacts
from ipaas.web.pages.run_list import environment_options, flow_options
from ipaas.web.pages.run_view import RunView
from ipaas.web.pages.runs import reason_of
from ipaas.web.pages.support import asked, environment_asked, environment_of, newest_first, posted, told
from ipaas.web.pages.wording import (
    at_stake,
    class_word,
    counted,
    error_class_options,
    failure_in_lists,
    flow_names,
    plan_or_none,
    remedy_of,
    step_title,
    words,
    worth,
)
from ipaas.web.readmodels import CursorPage, DeadLetterGroup, DeadLetterRow, ErrorView, Link

MOST_NAMED = 500


# -- by cause ------------------------------------------------------------------------------------------------------


@require_GET
@page("deadletters.view")
def dead_letter_list(request: WorkspaceRequest) -> HttpResponse:
    letters = _matching(request)
    found = group_letters(letters)
    flows = flow_names(group.flow_id for group in found)
    groups = [_group_view(request, group, flows[group.flow_id]) for group in found]
    names = ("q", "flow", "error_class", "environment")
    filters = {
        "q": asked(request, "q"),
        "flow": flow_options(request, asked(request, "flow")),
        "error_class": error_class_options(asked(request, "error_class")),
        "environment": environment_options(request, environment_asked(request)),
        "clear_url": request.path if any(asked(request, name) for name in names) else "",
    }
    context = {"groups": groups, "totals": _totals(found), "filters": filters, **bulk.jobs_context(request)}
    return render(request, "runtime/dead_letter_list.html", context)


def _matching(request: WorkspaceRequest) -> QuerySet[DeadLetter]:
    letters = _of_environment(request, open_letters(request.actor))
    if flow := asked(request, "flow"):
        letters = letters.filter(flow_id__in=Flow.objects.visible_to(request.actor).filter(slug=flow).values("id"))
    if error_class := asked(request, "error_class"):
        letters = letters.filter(error_class=error_class)
    if text := asked(request, "q"):
        named = found_by(request.workspace.id, text).order_by("-run_id")
        letters = letters.filter(run_id__in=list(named.values_list("run_id", flat=True)[:MOST_NAMED]))
    return letters


def _of_environment(request: WorkspaceRequest, letters: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
    slug = environment_asked(request)
    if not slug:
        return letters
    places = Environment.objects.filter(workspace_id=request.workspace.id, slug=slug)
    return letters.filter(environment_id__in=places.values("id"))


def _group_view(request: WorkspaceRequest, group: LetterGroup, flow: tuple[str, str]) -> DeadLetterGroup:
    plan = plan_or_none(group.version_id) if group.version_id else None
    chosen = {"flow": flow[0], "cause": group.cause, "environment": environment_asked(request) or "any"}
    place, query = [request.workspace.slug], urlencode(chosen)
    may = request.actor.may
    several = may("deadletters.correct") and group.count > 1
    return DeadLetterGroup(
        key=group.cause,
        error_class=group.error_class,
        cause=words(group.error_code) or class_word(group.error_class),
        flow=flow[1],
        step=step_title(plan, group.step),
        count=group.count,
        oldest_at=group.oldest_at,
        at_stake=at_stake(group, plan.primary if plan is not None else ""),
        url=f"{reverse('runtime:dead_letter_group', args=place)}?{query}",
        replay_all_url=f"{reverse('runtime:dead_letter_replay_all', args=place)}?{query}" if may("runs.replay") else "",
        correct_all_url=f"{reverse('runtime:dead_letter_correct_all', args=place)}?{query}" if several else "",
        discard_all_url=(
            f"{reverse('runtime:dead_letter_discard_all', args=place)}?{query}" if may("deadletters.discard") else ""
        ),
    )


def _stake(group: LetterGroup) -> tuple[int, str]:
    """How many of what a group keeps from going on."""
    plan = plan_or_none(group.version_id) if group.version_id else None
    return group.affected, plan.primary if plan is not None else ""


def _totals(groups: Sequence[LetterGroup]) -> dict[str, Any]:
    """What is at stake over all groups, money first; several kinds of things are named side by side."""
    stakes: dict[str, int] = {}
    for group in groups:
        number, what = _stake(group)
        stakes[what] = stakes.get(what, 0) + number
    money, things = worth(total_worth(groups)), " · ".join(counted(number, what) for what, number in stakes.items())
    return {
        "count": sum(group.count for group in groups),
        "oldest_at": min((group.oldest_at for group in groups), default=None),
        "at_stake": money or things or _("nothing"),
        "at_stake_hint": things if money else "",
    }


@require_GET
@page("deadletters.view")
def dead_letter_group(request: WorkspaceRequest) -> HttpResponse:
    """The dead letters of one flow and cause, newest first."""
    letters = letters_of_group(request).letters
    groups = group_letters(letters)
    crumbs = [Link(_("Dead letters"), reverse("runtime:dead_letter_list", args=[request.workspace.slug]))]
    if not groups:
        messages.info(request, _("No dead letter of this cause is open any more."))
        return redirect(crumbs[0].url)
    found, listed = newest_first(request, letters)
    names = _business_ids(found)
    plan = plan_or_none(groups[0].version_id) if groups[0].version_id else None
    rows = [_row(request, letter, names, failure_in_lists(letter, plan, letter.step)) for letter in found]
    context = {
        "group": _group_view(request, groups[0], flow_names([groups[0].flow_id])[groups[0].flow_id]),
        "page": CursorPage(rows, listed.label, listed.next_url, listed.previous_url),
        "crumbs": crumbs,
    }
    return render(request, "runtime/dead_letter_group.html", context)


@dataclass(frozen=True)
class ChosenGroup:
    """The open dead letters of a flow and cause (and environment), and the same as the filter of a bulk job."""

    letters: QuerySet[DeadLetter]
    filter: dict[str, Any]
    error_code: str
    query: str


def letters_of_group(request: WorkspaceRequest) -> ChosenGroup:
    """The group that the address names; raises ``NotFound`` for an unknown flow."""
    flow = bulk.flow_named(request, asked(request, "flow"))
    cause, slug = request.GET.get("cause", "").replace("\x00", "")[:400], environment_asked(request)
    chosen = {"flow_id": str(flow.id), "cause": cause}
    letters = open_letters(request.actor).filter(flow_id=flow.id, cause=cause)
    if slug:
        found = Environment.objects.filter(workspace_id=request.workspace.id, slug=slug).first()
        if found is None:
            raise NotFound(what="environment")
        letters, chosen["environment_id"] = letters.filter(environment_id=found.id), str(found.id)
    code = letters.values_list("error_code", flat=True).first() or ""
    query = urlencode({"flow": flow.slug, "cause": cause, "environment": slug or "any"})
    return ChosenGroup(letters, chosen, code, query)


def group_crumbs(request: WorkspaceRequest, group: ChosenGroup) -> list[Link]:
    place = [request.workspace.slug]
    return [
        Link(_("Dead letters"), reverse("runtime:dead_letter_list", args=place)),
        Link(words(group.error_code), f"{reverse('runtime:dead_letter_group', args=place)}?{group.query}"),
    ]


def _business_ids(letters: list[DeadLetter]) -> Mapping[UUID, list[tuple[str, str]]]:
    runs = Run.objects.filter(id__in=[letter.run_id for letter in letters])
    return business_ids_of(runs)


def _row(request: WorkspaceRequest, letter: DeadLetter, names: Mapping[UUID, Any], error: ErrorView | None) -> Any:
    return DeadLetterRow(
        id=str(letter.id),
        url=reverse("runtime:dead_letter_detail", args=[request.workspace.slug, letter.id]),
        flow=Flow.objects.filter(id=letter.flow_id).values_list("title", flat=True).first() or _("removed flow"),
        business_ids=names.get(letter.run_id) or [("id", str(letter.id))],
        died_at=uuid7_time(letter.id),
        error=error or ErrorView(letter.error_class, letter.error_code, words(letter.error_code)),
    )


@require_POST
@page("runs.replay")
def dead_letter_replay_all(request: WorkspaceRequest) -> HttpResponse:
    """Replay all open dead letters of a flow and cause at a rate."""
    chosen = letters_of_group(request).filter
    with told(request, _(bulk.STARTED)):
        bulk.start(request, "replay", chosen, rate_per_s=bulk.asked_rate(request))
    return redirect("runtime:dead_letter_list", request.workspace.slug)


@require_POST
@page("deadletters.discard")
def dead_letter_discard_all(request: WorkspaceRequest) -> HttpResponse:
    """Discard all open dead letters of a flow and cause."""
    chosen = letters_of_group(request).filter
    with told(request, _(bulk.STARTED)):
        bulk.start(request, "discard", chosen, rate_per_s=bulk.CANCEL_RATE_PER_S)
    return redirect("runtime:dead_letter_list", request.workspace.slug)


# -- one -----------------------------------------------------------------------------------------------------------


def _letter_of(request: WorkspaceRequest, letter_id: UUID) -> DeadLetter:
    found: DeadLetter | None = DeadLetter.objects.visible_to(request.actor).filter(id=letter_id).first()
    if found is None:
        raise NotFound(what="dead letter")
    return found


@require_http_methods(["GET", "HEAD"])
@page("deadletters.view")
def dead_letter_detail(request: WorkspaceRequest, letter_id: UUID) -> HttpResponse:
    letter = _letter_of(request, letter_id)
    return _show(request, letter, RunView(Run.objects.get(id=letter.run_id), request.actor, request.workspace.slug))


def _show(
    request: WorkspaceRequest, letter: DeadLetter, view: RunView, correction: Correction | None = None
) -> HttpResponse:
    environment_of(request)
    place, is_open = [request.workspace.slug, letter.id], letter.state == DeadLetter.State.OPEN
    message = view.timeline.text(letter.error_message) or words(letter.error_code)
    error = ErrorView(letter.error_class, letter.error_code, message, remedy=remedy_of(letter.error_class))
    correction = correction or Correction(view.shown)
    correctable = is_open and correction.possible and request.actor.may("deadletters.correct")
    context = {
        "letter": _row(request, letter, business_ids_of([view.run]), error),
        "state": letter.state,
        "closed": letter,
        "closed_words": _closed_words(letter),
        "replay_run": _run_link(request, letter.replay_run_id) if letter.replay_run_id else None,
        "run": _run_link(request, letter.run_id),
        "step": view.failed_step(),
        "compare_url": _compare_url(request, view),
        "step_title": step_title(view.plan, letter.step),
        "crumbs": list(_crumbs(request, letter)),
        "problem": view.problem or correction.problem,
        "input": view.shown.input if view.shown is not None else None,
        "correct_url": reverse("runtime:dead_letter_correct", args=place) if correctable else "",
        "replay_url": reverse("runtime:dead_letter_replay", args=place) if _replayable(request, is_open) else "",
        "discard_url": reverse("runtime:dead_letter_discard", args=place) if _discardable(request, is_open) else "",
        **correction.context,
    }
    if is_open and request.actor.may("runs.replay"):
        context |= replay_impacts(request.actor, view.run, view.plan, from_key="", new_effects=False)
    return render(request, "runtime/dead_letter_detail.html", context, status=422 if correction.findings else 200)


def _closed_words(letter: DeadLetter) -> str:
    text = {
        DeadLetter.State.REPLAYED: _("Closed as replayed by {person}"),
        DeadLetter.State.RESUMED: _("Closed as resumed by {person}"),
        DeadLetter.State.DISCARDED: _("Closed as discarded by {person}"),
    }.get(DeadLetter.State(letter.state), "")
    return text.format(person=letter.closed_by)


def _compare_url(request: WorkspaceRequest, view: RunView) -> str:
    """Its last two attempts side by side, where there were several."""
    step = view.failed_step()
    if step is None or len(step.attempts) < 2:
        return ""
    url = reverse("runtime:run_compare", args=[request.workspace.slug, view.run.id])
    return f"{url}?{urlencode({'step': step.key})}"


def _replayable(request: WorkspaceRequest, is_open: bool) -> bool:
    return is_open and request.actor.may("runs.replay")


def _discardable(request: WorkspaceRequest, is_open: bool) -> bool:
    return is_open and request.actor.may("deadletters.discard")


def _run_link(request: WorkspaceRequest, run_id: UUID) -> Link:
    return Link(_("Open the run"), reverse("runtime:run_detail", args=[request.workspace.slug, run_id]))


def _crumbs(request: WorkspaceRequest, letter: DeadLetter) -> Iterator[Link]:
    place = [request.workspace.slug]
    yield Link(_("Dead letters"), reverse("runtime:dead_letter_list", args=place))
    slug = Flow.objects.filter(id=letter.flow_id).values_list("slug", flat=True).first()
    if slug and letter.state == DeadLetter.State.OPEN:
        query = urlencode({"flow": slug, "cause": letter.cause, "environment": "any"})
        yield Link(words(letter.error_code), f"{reverse('runtime:dead_letter_group', args=place)}?{query}")


@require_POST
@page("deadletters.correct")
def dead_letter_correct(request: WorkspaceRequest, letter_id: UUID) -> HttpResponse:
    """Show the difference that a correction makes, or replay with it."""
    letter = _letter_of(request, letter_id)
    view = RunView(Run.objects.get(id=letter.run_id), request.actor, request.workspace.slug)
    correction = Correction(view.shown, request.POST.get("input", ""))
    if correction.findings or posted(request, "deed") != "replay":
        return _show(request, letter, view, correction)
    again: Run | None = None
    with told(request, _("The corrected input is being replayed.")):
        again = correct_and_replay(
            actor=request.actor, letter=letter, input=correction.clear, reason=reason_of(request)
        )
    if again is None:
        return _show(request, letter, view, correction)
    return redirect("runtime:run_detail", request.workspace.slug, again.id)


@require_POST
@page("runs.replay")
def dead_letter_replay(request: WorkspaceRequest, letter_id: UUID) -> HttpResponse:
    """Replay one as it is, with the same effect keys."""
    letter = _letter_of(request, letter_id)
    again: Run | None = None
    with told(request, _("The replay has begun.")):
        again = replay_dead_letter(actor=request.actor, letter=letter, reason=reason_of(request))
    if again is None:
        return redirect("runtime:dead_letter_detail", request.workspace.slug, letter.id)
    return redirect("runtime:run_detail", request.workspace.slug, again.id)


@require_POST
@page("deadletters.discard")
def dead_letter_discard(request: WorkspaceRequest, letter_id: UUID) -> HttpResponse:
    letter = _letter_of(request, letter_id)
    with told(request, _("Discarded; the audit trail keeps the reason.")):
        discard_dead_letter(actor=request.actor, letter=letter, reason=reason_of(request))
    return redirect("runtime:dead_letter_list", request.workspace.slug)
