"""What goes wrong, on Home: failures by cause, connections in trouble; and the way in where there is nothing yet."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Count, Min
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ipaas.accounts.models import Environment
from ipaas.accounts.pages import WorkspaceRequest
from ipaas.catalog.models import Connection
from ipaas.catalog.state import ConnectionHealth
from ipaas.runtime.drift_models import MappingDrift
from ipaas.runtime.letters import LetterGroup
from ipaas.vault.backends import down_backends
from ipaas.web.operate_readmodels import FailureRow, TroubleRow
from ipaas.web.pages.connection_rows import connection_url, states_of
from ipaas.web.pages.wording import class_word, flow_names, plan_or_none, step_title, words, worth
from ipaas.web.readmodels import Link, TodoItem
from ipaas.web.rendering import duration, exact_time, number

DOCS = "/docs/"
MOST_CONNECTIONS = 100
MOST_DRIFTING = 4
NEARLY_USED = 0.8
"""The share of a quota from which on it is worth a word."""


def failure_rows(
    request: WorkspaceRequest, groups: Sequence[LetterGroup], place: Environment | None
) -> list[FailureRow]:
    """Causes of open dead letters, each with the way to its group."""
    flows = flow_names(group.flow_id for group in groups)
    return [_failure_row(request, group, place, flows[group.flow_id]) for group in groups]


def _failure_row(
    request: WorkspaceRequest, group: LetterGroup, place: Environment | None, flow: tuple[str, str]
) -> FailureRow:
    query = {"flow": flow[0], "cause": group.cause, "environment": place.slug if place is not None else "any"}
    url = reverse("runtime:dead_letter_group", args=[request.workspace.slug])
    plan = plan_or_none(group.version_id) if group.version_id else None
    return FailureRow(
        cause=words(group.error_code) or class_word(group.error_class),
        error_class=group.error_class,
        flow=flow[1],
        step=step_title(plan, group.step),
        worth=worth(group.amounts),
        count=group.count,
        oldest_at=group.oldest_at,
        url=f"{url}?{urlencode(query)}",
    )


def troubles_of(request: WorkspaceRequest, place: Environment | None) -> list[TroubleRow]:
    """What is the matter in an environment: with the store of secrets, with old credentials, and with connections whose
    breaker is not closed, whose quota is nearly used, or that have to pause."""
    return [*_stores(request), *_unended(request, place), *_connections(request, place)]


def _stores(request: WorkspaceRequest) -> list[TroubleRow]:
    """Stores of secrets that can not be used: runs that need them wait."""
    may = request.actor.may("settings.view")
    url = reverse("accounts:vault", args=[request.workspace.slug]) if may else ""
    told = _("It can not be used since {time}: runs that need a secret wait, and go on by themselves.")
    return [
        TroubleRow(_("Store of secrets"), url, told.format(time=exact_time(row.down_since)))
        for row in down_backends(request.workspace.id)
        if row.down_since is not None
    ]


def _unended(request: WorkspaceRequest, place: Environment | None) -> list[TroubleRow]:
    """Connections over which an old credential could not be ended."""
    if place is None or not request.actor.may("connections.view"):
        return []
    rows = Connection.objects.filter(environment=place).exclude(revocations=None).exclude(revocations__problem="")
    found = rows.select_related("workspace", "environment").order_by("title").distinct()[:MOST_CONNECTIONS]
    told = _("An old credential is still good at the vendor")
    return [TroubleRow(row.title, connection_url(row), told) for row in found]


def _connections(request: WorkspaceRequest, place: Environment | None) -> list[TroubleRow]:
    if place is None or not request.actor.may("connections.view"):
        return []
    rows = Connection.objects.filter(environment=place).select_related("workspace", "environment")
    found = [row for row in rows.order_by("title")[:MOST_CONNECTIONS] if row.enabled]
    states = states_of(found)
    told = [(row, trouble_of(states[row])) for row in found if row in states]
    return [TroubleRow(row.title, connection_url(row), text) for row, text in told if text]


def trouble_of(state: ConnectionHealth) -> str:
    """What is the matter, in words; empty when nothing is."""
    if state.forced == "open":
        return _("An operator has opened the breaker: nothing is called")
    if state.breaker == "open":
        return _("The breaker is open; the next try is in {time}").format(time=duration(state.opens_for_s * 1000))
    if state.breaker in ("half open", "recovering"):
        return _("The breaker is letting single calls through again")
    if state.daily_quota and state.quota_used >= state.daily_quota:
        return _("The daily quota of {limit} is used up").format(limit=number(state.daily_quota))
    if state.daily_quota and state.quota_used >= NEARLY_USED * state.daily_quota:
        used = _("{part} of {total}").format(part=number(state.quota_used), total=number(state.daily_quota))
        return _("The daily quota is nearly used: {used}").format(used=used)
    if state.paused_s > 1:
        return _("The other side asked for a pause of {time}").format(time=duration(state.paused_s * 1000))
    return ""


def begin_steps(request: WorkspaceRequest) -> list[Link]:
    """The next steps of a workspace without a deployed flow, as far as the reader may take them."""
    place, may = [request.workspace.slug], request.actor.may
    steps = [Link(_("Follow the tutorial: your first flow in ten minutes"), DOCS)]
    if may("flows.edit"):
        steps.append(Link(_("Write a flow"), reverse("flows:flow_new", args=place)))
    if may("connections.edit"):
        steps.append(Link(_("Connect a system"), reverse("catalog:connection_choose", args=place)))
    return steps


def drift_todos(request: WorkspaceRequest) -> list[TodoItem]:
    """Mappings whose data has moved away from their schema, for those who may change them."""
    if not (request.actor.may("mappings.edit") and request.actor.may("runs.view")):
        return []
    rows = MappingDrift.objects.filter(workspace_id=request.workspace.id, state=MappingDrift.State.OPEN)
    found = rows.order_by("mapping").values("mapping").annotate(count=Count("id"), since=Min("first_seen_at"))
    return [_drift_todo(request, **row) for row in found[:MOST_DRIFTING]]


def _drift_todo(request: WorkspaceRequest, mapping: str, count: int, since: datetime) -> TodoItem:
    text = ngettext(
        "Data of {mapping} differs from its schema in a new way",
        "Data of {mapping} differs from its schema in {count} new ways",
        count,
    )
    url = reverse("mapping:mapping_tests", args=[request.workspace.slug, mapping])
    return TodoItem("mappings", text.format(mapping=mapping, count=count), url, since)
