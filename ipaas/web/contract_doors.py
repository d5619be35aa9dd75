"""Where consumers of a contract send to: the endpoints and event types that start flows under it."""

from ipaas.contracts.exports import Door
from ipaas.contracts.models import Contract
from ipaas.events.addresses import hook_address
from ipaas.events.models import Endpoint
from ipaas.flows.usage import deployments_under


def doors_of(contract: Contract) -> list[Door]:
    """Doors by environment; a flow that only people or other flows start has none."""
    deployments = deployments_under(contract.workspace_id, contract.slug)
    endpoints = {
        (one.environment_id, one.slug): one for one in Endpoint.objects.filter(workspace_id=contract.workspace_id)
    }
    found: list[Door] = []
    for one in deployments:
        endpoint = endpoints.get((one.environment_id, one.trigger_key))
        if one.trigger_kind == "webhook" and endpoint is not None:
            found.append(Door(one.environment.slug, address=hook_address(endpoint.public_id)))
        elif one.trigger_kind == "event":
            found.append(Door(one.environment.slug, event=one.trigger_key))
    return list(dict.fromkeys(found))
