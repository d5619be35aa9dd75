"""Telling the vendor of an endpoint's address, from the endpoint's page."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.events.models import Endpoint, Subscription
from ipaas.events.subscriptions import check_subscription, subscribe_endpoint, unsubscribe_endpoint
from ipaas.web.pages.endpoint_rows import endpoint_of, endpoint_url
from ipaas.web.pages.support import posted, told
from ipaas.web.readmodels import Option
from ipaas.web.vendor_notices import VendorWay, ways_of


def subscription_context(request: WorkspaceRequest, endpoint: Endpoint) -> dict[str, Any]:
    """The subscription of an endpoint, or the connections over which the vendor can be told."""
    row = Subscription.objects.filter(endpoint=endpoint).first()
    again = row is None or row.state == Subscription.State.GONE
    may = request.actor.may("connections.edit")
    return {
        "subscription": row,
        "subscribable": way_options(ways_of(endpoint, all_connectors=True)) if may and again else [],
        "subscribe_url": endpoint_url(endpoint, "endpoint_subscribe") if may and again else "",
        "unsubscribe_url": endpoint_url(endpoint, "endpoint_unsubscribe") if may and row is not None else "",
        "check_url": endpoint_url(endpoint, "endpoint_check") if may and row is not None else "",
    }


def way_options(ways: list[VendorWay]) -> list[Option]:
    return [Option(f"{one.connection}/{one.trigger}", one.title, selected=False) for one in ways]


@require_POST
@page("connections.edit")
def endpoint_subscribe(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    endpoint = endpoint_of(request, environment, slug)
    connection, _mark, trigger = posted(request, "way", 200).partition("/")
    with told(request, _("The vendor delivers here from now on.")):
        subscribe_endpoint(actor=request.actor, endpoint=endpoint, connection=connection, trigger=trigger)
    return redirect(endpoint_url(endpoint))


@require_POST
@page("connections.edit")
def endpoint_unsubscribe(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    endpoint = endpoint_of(request, environment, slug)
    with told(request, _("The vendor delivers here no more.")):
        unsubscribe_endpoint(actor=request.actor, endpoint=endpoint)
    return redirect(endpoint_url(endpoint))


@require_POST
@page("connections.edit")
def endpoint_check(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    endpoint = endpoint_of(request, environment, slug)
    with told(request, _("The vendor was asked.")):
        check_subscription(actor=request.actor, endpoint=endpoint)
    return redirect(endpoint_url(endpoint))
