"""Stand-in vendors: what really arrived, faults in force, and the deeds that script them."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.catalog import stand_ins
from ipaas.catalog.registry import known_connector
from ipaas.catalog.stand_ins import StandInsMissing, StandInState
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.events.models import Endpoint
from ipaas.sdk.manifest import Manifest
from ipaas.sdk.stubs.client import StubsUnavailable
from ipaas.web.pages.support import asked, environment_of, posted, told, told_error, with_query
from ipaas.web.readmodels import CursorPage, FaultRow, LedgerRow, Link, Option, StubOperation, StubView
from ipaas.web.rendering import duration, number

_PLACE = re.compile(r"\{\{ *params\.(\w+)[^}]*\}\}")
LEDGER_LINES = 50
MOST_SENT = 1000
KINDS = {
    "status": gettext_noop("HTTP status"),
    "reject": gettext_noop("Rejection by the vendor's rules"),
    "delay": gettext_noop("Delay"),
    "reset": gettext_noop("Connection reset"),
    "half": gettext_noop("Half an answer"),
    "drift": gettext_noop("Answer of another shape"),
}
WHENS = {
    "before": gettext_noop("Before the effect: nothing happened"),
    "after": gettext_noop("After the effect: it happened, nobody is told"),
}


class FaultForm(forms.Form):
    """The keys are those of the stand-ins' own faults; empty ones are left out."""

    action = forms.CharField(max_length=60, required=False)
    kind = forms.ChoiceField(choices=list(KINDS.items()))
    percent = forms.FloatField(min_value=0, max_value=100, required=False)
    when = forms.ChoiceField(choices=list(WHENS.items()), required=False)
    status = forms.IntegerField(min_value=300, max_value=599, required=False)
    retry_after = forms.CharField(max_length=60, required=False)
    delay_ms = forms.IntegerField(min_value=0, max_value=600_000, required=False)
    times = forms.IntegerField(min_value=1, max_value=2**31 - 1, required=False)

    def fault(self, vendor: str) -> dict[str, Any]:
        return {
            "vendor": vendor,
            **{name: value for name, value in self.cleaned_data.items() if value not in (None, "")},
        }


class SendForm(forms.Form):
    endpoint = forms.SlugField(max_length=80)
    count = forms.IntegerField(min_value=1, max_value=MOST_SENT)
    duplicate_percent = forms.FloatField(min_value=0, max_value=100, required=False)
    out_of_order = forms.BooleanField(required=False)
    seed = forms.IntegerField(min_value=0, max_value=9999, required=False)
    start = forms.IntegerField(min_value=1, max_value=2**31 - 1, required=False)

    def sending(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name != "endpoint" and value not in (None, "", False)
        }


@require_GET
@page("stubs.view")
def stub_list(request: WorkspaceRequest) -> HttpResponse:
    environment_of(request)
    found, problem = _found(request)
    items = [(_view(request, one), _url(request, "stub_detail", one.vendor)) for one in found]
    return render(request, "catalog/stub_list.html", {"items": items, **problem})


@require_GET
@page("stubs.view")
def stub_detail(request: WorkspaceRequest, vendor: str) -> HttpResponse:
    environment = environment_of(request)
    found, problem = _found(request)
    one = next((one for one in found if one.vendor == vendor), None)
    crumbs = [Link(_("Stubs"), reverse("catalog:stub_list", args=[request.workspace.slug]))]
    if one is None:
        if not problem["missing"]:
            raise NotFound(what="stand-in vendor")
        return render(request, "catalog/stub_list.html", {"items": [], "crumbs": crumbs, **problem})
    ledger = _ledger(request, vendor)
    version = f"{ledger.label}:{ledger.items[0].number if ledger.items else 0}"
    if request.htmx and request.GET.get("v") == version:
        return HttpResponse(status=204)
    endpoints = Endpoint.objects.filter(environment=environment).values_list("slug", flat=True) if environment else []
    context = {
        "stub": _view(request, one),
        "faults": [_fault(row) for row in one.faults],
        "ledger": ledger,
        "crumbs": crumbs,
        "fault_kinds": [Option(value, _(label)) for value, label in KINDS.items()],
        "whens": [Option(value, _(label)) for value, label in WHENS.items()],
        "endpoints": [Option(slug, slug) for slug in endpoints],
        "filter": {"key": asked(request, "key"), "reference": asked(request, "reference")},
        "filtered": bool(asked(request, "key") or asked(request, "reference")),
        "own_url": request.path,
        "version": version,
        "poll_url": "" if request.GET.get("before") else request.path + _query(request),
    }
    template = "catalog/stub_detail.html"
    return render(request, f"{template}#ledger" if request.htmx else template, context)


@require_POST
@page("stubs.script")
def stub_fault(request: WorkspaceRequest, vendor: str) -> HttpResponse:
    form = FaultForm(request.POST)
    with told(request, _("The fault is in force.")):
        _check(form)
        stand_ins.set_fault(actor=request.actor, workspace=request.workspace, fault=form.fault(vendor))
    return redirect("catalog:stub_detail", request.workspace.slug, vendor)


@require_POST
@page("stubs.script")
def stub_clear(request: WorkspaceRequest, vendor: str) -> HttpResponse:
    """Lift the fault ``fault_id``, or all of the vendor."""
    with told(request, _("No such fault is in force any more.")):
        stand_ins.clear_faults(
            actor=request.actor, workspace=request.workspace, vendor=vendor, fault_id=posted(request, "fault_id", 20)
        )
    return redirect("catalog:stub_detail", request.workspace.slug, vendor)


@require_POST
@page("stubs.script")
def stub_reset(request: WorkspaceRequest) -> HttpResponse:
    with told(request, _("All stubs forgot their state, their ledger and their faults.")):
        stand_ins.reset_stand_ins(actor=request.actor, workspace=request.workspace)
    return redirect("catalog:stub_list", request.workspace.slug)


@require_POST
@page("stubs.script")
def stub_start(request: WorkspaceRequest, vendor: str) -> HttpResponse:
    """Start the stand-in of an imported connector, of the version that is posted or the newest."""
    with told(request, _("The stub runs. Connect to it, and let it fail.")):
        stand_ins.start_stand_in(
            actor=request.actor, workspace=request.workspace, connector=vendor, version=posted(request, "version", 20)
        )
        return redirect("catalog:stub_detail", request.workspace.slug, vendor)
    return redirect("catalog:connector_detail", request.workspace.slug, vendor)


@require_POST
@page("stubs.script")
def stub_stop(request: WorkspaceRequest, vendor: str) -> HttpResponse:
    """Take the stand-in of an imported connector away."""
    with told(request, _("The stub is gone, with its ledger.")):
        stand_ins.stop_stand_in(actor=request.actor, workspace=request.workspace, vendor=vendor)
    return redirect("catalog:stub_list", request.workspace.slug)


@require_POST
@page("stubs.script")
def stub_send(request: WorkspaceRequest, vendor: str) -> HttpResponse:
    """Have the vendor send signed webhooks to an endpoint of the environment shown."""
    form = SendForm(request.POST)
    environment = environment_of(request)
    with told(request, ""):
        _check(form)
        target = Endpoint.objects.filter(environment=environment, slug=form.cleaned_data["endpoint"]).first()
        if target is None:
            raise NotFound(what="endpoint")
        sent = stand_ins.send_webhooks(
            actor=request.actor,
            workspace=request.workspace,
            vendor=vendor,
            public_id=target.public_id,
            sending=form.sending(),
        )
        _tell_sent(request, sent)
    return redirect("catalog:stub_detail", request.workspace.slug, vendor)


def _found(request: WorkspaceRequest) -> tuple[Sequence[StandInState], dict[str, Any]]:
    """The stand-ins, or why there are none to see: ``missing`` says that they do not answer or do not belong here."""
    try:
        return stand_ins.list_stand_ins(actor=request.actor, workspace=request.workspace), _running()
    except StandInsMissing as error:
        return [], {**_running(), "running": True, "missing": True, "absent": told_error(error)}
    except StubsUnavailable as error:
        return [], {**_running(), "running": False, "missing": True, "problem": told_error(error)}


def _running() -> dict[str, Any]:
    return {"running": True, "missing": False, "absent": "", "problem": ""}


def _view(request: WorkspaceRequest, one: StandInState) -> StubView:
    may = request.actor.may("stubs.script")
    manifest = _manifest(request, one)
    specs = manifest.actions if manifest else {}
    sends = manifest is not None and any(trigger.kind == "webhook" for trigger in manifest.triggers.values())
    received: dict[str, int] = {}
    for count in one.counts:
        received[count["action"]] = received.get(count["action"], 0) + count["count"]
    operations = [
        StubOperation(
            name=name,
            method=specs[name].method if name in specs else "",
            path=_PLACE.sub(r"{\1}", specs[name].path) if name in specs else "",
            received=received.get(name, 0),
            fault=", ".join(_in_words(fault) for fault in one.faults if fault["action"] in ("*", name)),
        )
        for name in one.actions
    ]
    return StubView(
        slug=one.vendor,
        title=manifest.title if manifest else one.vendor,
        address=one.url,
        operations=operations,
        entities=sorted(one.entities.items()),
        fault_url=_url(request, "stub_fault", one.vendor) if may and one.vendor != "smtp" else "",
        clear_url=_url(request, "stub_clear", one.vendor) if may else "",
        reset_url=reverse("catalog:stub_reset", args=[request.workspace.slug]) if may else "",
        webhook_url=_url(request, "stub_send", one.vendor) if may and sends and not one.described else "",
        stop_url=_url(request, "stub_stop", one.vendor) if may and one.described else "",
        connector_url=_url(request, "connector_detail", one.vendor) if manifest else "",
        connect_url=_connect_url(request, one.vendor) if manifest and request.actor.may("connections.edit") else "",
    )


def _connect_url(request: WorkspaceRequest, vendor: str) -> str:
    return _url(request, "connection_new", vendor) + "?to=stub"


def _manifest(request: WorkspaceRequest, one: StandInState) -> Manifest | None:
    try:
        return known_connector(request.workspace.id, one.vendor).manifest
    except NotFound:
        return None


def _fault(fault: dict[str, Any]) -> FaultRow:
    return FaultRow(
        id=fault["id"],
        operation=_("every operation") if fault["action"] == "*" else fault["action"],
        text=_in_words(fault),
        seen=fault["seen"],
        fired=fault["fired"],
        left=None if fault["times"] is None else max(fault["times"] - fault["fired"], 0),
    )


def _in_words(fault: dict[str, Any]) -> str:
    """``HTTP 503 on 30 % of the calls, Retry-After 5``."""
    words = {"status": f"HTTP {fault['status']}", "delay": _("{delay} late").format(delay=duration(fault["delay_ms"]))}
    what = words.get(fault["kind"]) or _(KINDS[fault["kind"]])
    if fault["percent"] != 100:
        what = _("{fault} on {percent} of the calls").format(fault=what, percent=f"{number(fault['percent'])} %")
    parts = [what]
    if fault["retry_after"]:
        parts.append(f"Retry-After {fault['retry_after']}")
    if fault["when"] == "after":
        parts.append(_("after the effect"))
    return ", ".join(parts)


def _ledger(request: WorkspaceRequest, vendor: str) -> CursorPage:
    """What arrived, newest first; an effect whose key stood below already is marked as happened twice."""
    before = asked(request, "before")
    place = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
    filters = {"vendor": vendor, "key": asked(request, "key"), "reference": asked(request, "reference")}
    found = stand_ins.ledger_page(
        actor=request.actor, workspace=request.workspace, filters=filters, limit=LEDGER_LINES, before=place
    )
    rows: list[LedgerRow] = []
    seen: set[tuple[str, str]] = set()
    for line in reversed(found.lines):
        happened = line["outcome"] == "effect" and bool(line["key"])
        twice = happened and (line["action"], line["key"]) in seen
        if happened:
            seen.add((line["action"], line["key"]))
        rows.append(_line(line, twice=twice))
    return CursorPage(
        rows[::-1],
        ngettext("{count} call, newest first", "{count} calls, newest first", len(rows)).format(count=len(rows)),
        next_url=with_query(request, before=found.next_before) if found.next_before else "",
        previous_url=request.path + _query(request) if place is not None else "",
        previous_label=_("Newest"),
    )


OUTCOMES = {"effect": gettext_noop("happened"), "replay": gettext_noop("answered again")}
"""What a call came to at the stand-in; nothing for one that only read, or was refused."""


def _line(line: dict[str, Any], *, twice: bool) -> LedgerRow:
    outcome = _(OUTCOMES[line["outcome"]]) if line["outcome"] in OUTCOMES else ""
    return LedgerRow(
        at=datetime.fromisoformat(line["at"]),
        operation=line["action"] or f"{line['method']} {line['path']}",
        status=line["status"],
        key=line["key"] or "",
        effect=" ".join(part for part in (outcome, line["entity_id"]) if part),
        duplicate=line["outcome"] == "replay",
        twice=twice,
        number=line["number"],
        reference=line["reference"] or "",
    )


def _query(request: HttpRequest) -> str:
    """The filter without the place in the list."""
    query = with_query(request)
    return "" if query == "?" else query


def _url(request: WorkspaceRequest, name: str, vendor: str) -> str:
    return reverse(f"catalog:{name}", args=[request.workspace.slug, vendor])


def _check(form: forms.Form) -> None:
    """Raises InvalidInput with the faults of a form."""
    if not form.is_valid():
        raise InvalidInput(
            [
                {"path": name, "code": "form.invalid", "message": str(message).rstrip(".")}
                for name, found in form.errors.items()
                for message in found
            ]
        )


def _tell_sent(request: HttpRequest, sent: dict[str, Any]) -> None:
    answers = ", ".join(
        _("{count} answered {status}").format(count=count, status=status) for status, count in sent["statuses"].items()
    )
    refused = any(not status.startswith("2") for status in sent["statuses"])
    said = ngettext("{count} delivery sent: {answers}.", "{count} deliveries sent: {answers}.", sent["sent"])
    (messages.warning if refused else messages.success)(request, said.format(count=sent["sent"], answers=answers))
