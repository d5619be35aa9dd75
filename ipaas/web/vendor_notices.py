"""Whether the vendor of a deployed flow's trigger delivers to its endpoint: what is missing, or is left over.

Deploying tells no vendor by itself: that is a call to the outside with the right to hand a secret over, over a
connection that somebody chooses. It is said where a flow is deployed and undeployed instead, with the deed beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ipaas.catalog.errors import ConnectorMissing
from ipaas.catalog.models import Connection
from ipaas.catalog.registry import connector_of
from ipaas.events.models import Endpoint, Subscription
from ipaas.flows.models import Deployment

MISSING, DOUBTFUL, IDLE = "missing", "doubtful", "idle"


@dataclass(frozen=True, slots=True)
class VendorWay:
    """A connection and a trigger of it by which the vendor can be told."""

    connection: str
    trigger: str
    title: str


@dataclass(frozen=True, slots=True)
class VendorNotice:
    """``missing``: the vendor was not told yet; ``doubtful``: nobody knows whether it delivers; ``idle``: it delivers
    though no deployed flow listens."""

    state: str
    endpoint: Endpoint
    ways: list[VendorWay] = field(default_factory=list)


def ways_of(endpoint: Endpoint, *, all_connectors: bool = False) -> list[VendorWay]:
    """The triggers that can be subscribed to in the endpoint's environment; of its own connector, or of all."""
    found = []
    places = Connection.objects.in_workspace(endpoint.workspace_id).in_environment(endpoint.environment_id)
    rows = places if all_connectors else places.filter(connector=endpoint.connector)
    for row in rows.order_by("slug"):
        try:
            triggers = connector_of(row).manifest.triggers.values()
        except ConnectorMissing:
            continue
        found += [
            VendorWay(row.slug, one.name, f"{row.title}: {one.title}")
            for one in triggers
            if one.subscription is not None
        ]
    return found


def notices_of(deployments: Iterable[Deployment]) -> list[VendorNotice]:
    """What is to be said of the deployments of a flow; nothing where all is as it should be."""
    hooked = [one for one in deployments if one.trigger_kind == "webhook"]
    return [notice for notice in map(notice_of, hooked) if notice is not None]


def notice_of(deployment: Deployment) -> VendorNotice | None:
    """What is to be said of one deployment, and of what it left behind where it is undeployed."""
    rows = Endpoint.objects.select_related("workspace", "environment", "subscription")
    place = {"environment_id": deployment.environment_id, "slug": deployment.trigger_key}
    endpoint = rows.filter(**place).first() if deployment.trigger_kind == "webhook" else None
    if endpoint is None:
        return None
    told = getattr(endpoint, "subscription", None)
    state = told.state if told is not None else Subscription.State.GONE
    if deployment.active:
        return _of_listening(endpoint, state)
    if state == Subscription.State.GONE or _listens(endpoint):
        return None
    return VendorNotice(IDLE, endpoint)


def _of_listening(endpoint: Endpoint, state: str) -> VendorNotice | None:
    if state == Subscription.State.ACTIVE:
        return None
    if state != Subscription.State.GONE:
        return VendorNotice(DOUBTFUL, endpoint)
    ways = ways_of(endpoint) if endpoint.connector else []
    return VendorNotice(MISSING, endpoint, ways) if ways else None


def _listens(endpoint: Endpoint) -> bool:
    running = Deployment.objects.in_workspace(endpoint.workspace_id).running().triggered_by("webhook", endpoint.slug)
    return running.filter(environment_id=endpoint.environment_id).exists()
