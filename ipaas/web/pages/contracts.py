"""Contracts: list, page, editor, the page for partners, and the same for their programs."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.models import Environment
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.contracts.contract_document import EDGES, mode_of
from ipaas.contracts.exports import EXPORTS, schemas_of
from ipaas.contracts.models import Contract, ContractVersion
from ipaas.contracts.services import save_contract_draft, share_contract, unshare_contract
from ipaas.core.clock import now
from ipaas.core.durations import duration_in_words, parse_duration
from ipaas.core.errors import NotFound
from ipaas.core.ids import uuid7_at
from ipaas.core.page_address import page_address
from ipaas.flows.usage import deployments_under
from ipaas.runtime.models import Breach
from ipaas.web.contract_doors import doors_of
from ipaas.web.pages import document_views as views
from ipaas.web.pages.documents import Context, DocumentPages, document_list
from ipaas.web.pages.support import environment_of, told
from ipaas.web.pages.users_of_documents import flows_using
from ipaas.web.readmodels import Link

STARTER = """\
kind: contract
slug: my-contract
title: My integration
description: What comes in, what goes out, and what partners may rely on.
owner: integrations
input:
  schema: my-schema
  mode: quarantine
  modes: {development: warn}
errors:
  - class: contract_violation
    meaning: The message does not fit the schema.
    remedy: Correct the message and send it again with a new id.
idempotency: {key: id, window: P30D, same_key_other_body: refused}
ordering: {promise: none}
service_level: {availability_percent: 99.5, latency_p95: PT1M}
change_policy: {notice: P90D, versions_kept: 2}
"""
LABELS = {"contract": "JSON", "openapi": "OpenAPI", "asyncapi": "AsyncAPI"}
RECENT = timedelta(days=7)
MOST = 50
MOST_BREACHES = 2_000
EDGE_NAMES = {"input": gettext_lazy("What comes in"), "output": gettext_lazy("What goes out")}
MODES = {
    "block": gettext_lazy("refused"),
    "quarantine": gettext_lazy("kept for correction"),
    "warn": gettext_lazy("let pass and told"),
}


def _extras(_request: WorkspaceRequest, _content: Any) -> Context:
    return {}


CONTRACTS = DocumentPages(
    kind="contract",
    namespace="contracts",
    title=gettext_noop("Contracts"),
    save=save_contract_draft,
    starter=STARTER,
    extras=_extras,
)


@require_GET
@page("contracts.view")
def contract_list(request: WorkspaceRequest) -> HttpResponse:
    return render(request, "contracts/contract_list.html", document_list(request, CONTRACTS))


@require_GET
@page("contracts.view")
def contract_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment_of(request)
    document = CONTRACTS.document(request, slug)
    label, content = views.shown_version(request, CONTRACTS, document)
    number = request.GET.get("version") or str(document.latest_version)
    version = document.versions.filter(number=int(number)).first() if number.isdigit() and number != "0" else None
    may_share = request.actor.may("contracts.publish") and not document.archived
    context = {
        **views.detail_context(request, CONTRACTS, document),
        **promises(content),
        "shown": label,
        "content": content,
        "edges": list(_edges(content, version, _places(request))),
        "places": _places(request),
        "running": _running(request, document),
        "breaches": _breaches(request, document),
        "used_by": flows_using(request, "contract", slug),
        "downloads": _downloads(request, document) if document.latest_version else [],
        "public_url": page_address(reverse("web:contract_public", args=[document.share_key]))
        if document.share_key
        else "",
        "share_url": CONTRACTS.url(request, "share", slug) if may_share and not document.share_key else "",
        "unshare_url": CONTRACTS.url(request, "unshare", slug) if may_share and document.share_key else "",
    }
    return render(request, "contracts/contract_detail.html", context)


def _places(request: WorkspaceRequest) -> list[Environment]:
    return list(request.workspace.environments.all())


def _edges(content: Any, version: ContractVersion | None, places: list[Environment]) -> Iterator[Context]:
    """Each edge with its schema in full and its mode by environment; of a draft of any form, too."""
    found = schemas_of(version) if version is not None else {}
    for edge in EDGES:
        said = content.get(edge) if isinstance(content, Mapping) else None
        if isinstance(said, Mapping) and isinstance(said.get("schema"), str):
            modes = [(place.name, MODES.get(mode_of(said, place.slug), "")) for place in places] if version else []
            name = EDGE_NAMES[edge]
            yield {"name": name, "reference": said["schema"], "schema": found.get(edge), "modes": modes}


def promises(content: Any) -> Context:
    """What the page tells besides the edges, in words; of a draft of any form, what it has."""
    given: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
    return {
        "errors": [one for one in _list(given.get("errors")) if isinstance(one, Mapping)],
        "examples": [one for one in _list(given.get("examples")) if isinstance(one, Mapping)],
        "facts": [fact for fact in _facts(given) if fact[1]],
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _facts(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    def part(key: str) -> Mapping[str, Any]:
        found = content.get(key)
        return found if isinstance(found, Mapping) else {}

    people = {"domain": _("Domain"), "owner": _("Owner"), "steward": _("Steward"), "contact": _("Contact")}
    for key, label in people.items():
        yield label, str(content.get(key, ""))
    same = part("idempotency")
    yield _("Same message"), str(same.get("key", ""))
    yield _("Remembered for"), _words(same.get("window"))
    yield (
        _("Same key, other body"),
        {
            "refused": _("is refused"),
            "ignored": _("is ignored"),
            "new_version": _("counts as a newer version"),
        }.get(str(same.get("same_key_other_body")), ""),
    )
    order = part("ordering")
    if order:
        per_key = _("in order for each {key}").format(key=order.get("key", ""))
        yield _("Order"), per_key if order.get("promise") == "per_key" else _("not promised")
    level = part("service_level")
    if "availability_percent" in level:
        yield _("Availability"), _("{percent} percent of a month").format(percent=level["availability_percent"])
    yield _("95 of 100 done within"), _words(level.get("latency_p95"))
    yield _("Messages a minute"), str(level.get("rate_per_minute", ""))
    yield _("Working again within"), _words(level.get("recovery"))
    yield _("Support"), str(level.get("support", ""))
    change = part("change_policy")
    yield _("Notice of breaking changes"), _words(change.get("notice"))
    yield _("Versions side by side"), str(change.get("versions_kept", ""))
    yield _("Changes"), str(change.get("text", ""))


def _words(duration: Any) -> str:
    try:
        return duration_in_words(parse_duration(duration)) if isinstance(duration, str) else ""
    except ValueError:
        return str(duration)


def _running(request: WorkspaceRequest, document: Contract) -> list[dict[str, Any]]:
    """Where flows run under the contract, and with which version of it."""
    if not request.actor.may("flows.view"):
        return []
    return [
        {
            "flow": Link(one.flow.title, reverse("flows:flow_detail", args=[request.workspace.slug, one.flow.slug])),
            "environment": one.environment.name,
            "reference": one.version.content["contract"],
            "behind": one.version.content["contract"] != f"{document.slug}@{document.latest_version}",
        }
        for one in deployments_under(request.workspace.id, document.slug)
    ]


def _breaches(request: WorkspaceRequest, document: Contract) -> list[dict[str, Any]]:
    """What broke the contract during the last week, by place, most often first; the newest ``MOST_BREACHES`` count."""
    rows = Breach.objects.filter(
        workspace_id=request.workspace.id,
        run_id__gte=uuid7_at(now() - RECENT),
        contract__startswith=f"{document.slug}@",
    )
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    names = {place.id: place.name for place in _places(request)}
    may = request.actor.may("runs.view")
    for row in rows.order_by("-run_id")[:MOST_BREACHES]:
        key = row.edge, row.place, row.message, row.mode, row.environment_id
        if key not in found:
            found[key] = {
                "edge": EDGE_NAMES[row.edge],
                "place": row.place,
                "message": row.message,
                "mode": MODES[row.mode],
                "environment": names.get(row.environment_id, ""),
                "run_url": reverse("runtime:run_detail", args=[request.workspace.slug, row.run_id]) if may else "",
                "count": 0,
            }
        found[key]["count"] += 1
    return sorted(found.values(), key=lambda one: -one["count"])[:MOST]


def _downloads(request: WorkspaceRequest, document: Contract) -> list[Link]:
    return [Link(label, CONTRACTS.url(request, "export", document.slug, form)) for form, label in LABELS.items()]


@require_GET
@page("contracts.view")
def contract_export(request: WorkspaceRequest, slug: str, form: str) -> HttpResponse:
    """The newest published version as JSON, OpenAPI or AsyncAPI."""
    return exported(CONTRACTS.document(request, slug), form)


def exported(document: Contract, form: str) -> HttpResponse:
    version = newest(document)
    if version is None or form not in EXPORTS:
        raise NotFound(what="contract version")
    answer = JsonResponse(EXPORTS[form](version, doors_of(document)), json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="{document.slug}.{form}.json"'
    return answer


def newest(document: Contract) -> ContractVersion | None:
    return document.versions.order_by("-number").first()


@require_GET
@never_cache
def contract_public(request: HttpRequest, key: str) -> HttpResponse:
    """The page that partners read without an account; what is not shared is not there."""
    document = _shared(key)
    version = newest(document)
    content = version.content if version else {}
    links = [Link(label, reverse("web:contract_public_export", args=[key, form])) for form, label in LABELS.items()]
    context = {
        **promises(content),
        "document": document,
        "version": version,
        "content": content,
        "edges": list(_edges(content, version, list(document.workspace.environments.all()))),
        "doors": doors_of(document),
        "downloads": links,
        "history": document.versions.order_by("-number")[:MOST],
    }
    return render(request, "contracts/contract_public.html", context)


@require_GET
@never_cache
def contract_public_export(_request: HttpRequest, key: str, form: str) -> HttpResponse:
    try:
        return exported(_shared(key), form)
    except NotFound:
        raise Http404 from None


def _shared(key: str) -> Contract:
    found: Contract | None = Contract.objects.shared_by(key).select_related("workspace").first()
    if found is None:
        raise Http404
    return found


@require_POST
@page("contracts.publish")
def contract_share(request: WorkspaceRequest, slug: str) -> HttpResponse:
    with told(request, _("Everybody who has the link reads what is published.")):
        share_contract(contract=CONTRACTS.document(request, slug), actor=request.actor)
    return redirect(CONTRACTS.url(request, "detail", slug))


@require_POST
@page("contracts.publish")
def contract_unshare(request: WorkspaceRequest, slug: str) -> HttpResponse:
    unshare_contract(contract=CONTRACTS.document(request, slug), actor=request.actor)
    messages.success(request, _("The link leads nowhere any more."))
    return redirect(CONTRACTS.url(request, "detail", slug))


@require_http_methods(["GET", "HEAD", "POST"])
@page("contracts.edit")
def contract_new(request: WorkspaceRequest) -> HttpResponse:
    return views.edit(request, CONTRACTS)


@require_http_methods(["GET", "HEAD", "POST"])
@page("contracts.edit")
def contract_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.edit(request, CONTRACTS, slug)


@require_POST
@page("contracts.view")
def contract_check(request: WorkspaceRequest) -> HttpResponse:
    return views.check(request, CONTRACTS)


@require_POST
@page("contracts.publish")
def contract_publish(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.publish(request, CONTRACTS, slug)


@require_GET
@page("contracts.view")
def contract_diff(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.diff(request, CONTRACTS, slug)


@require_GET
@page("contracts.view")
def contract_text(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.text(request, CONTRACTS, slug)


@require_POST
@page("contracts.publish")
def contract_deprecate(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.deprecate(request, CONTRACTS, slug)


@require_POST
@page("contracts.publish")
def contract_archive(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.archive(request, CONTRACTS, slug)


@require_POST
@page("contracts.publish")
def contract_restore(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.restore(request, CONTRACTS, slug)
