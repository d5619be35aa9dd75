"""What the ingress reads of endpoints."""

from ipaddress import ip_network

from ipaas.catalog.resolution import egress_of
from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.events.addresses import hook_address
from ipaas.events.checks import FIELD, VERIFY_TOKEN
from ipaas.events.intake import MAX_BODY, EndpointUnready, EndpointView
from ipaas.events.models import Endpoint
from ipaas.sdk.handshakes import Handshake
from ipaas.sdk.signatures import SignatureScheme
from ipaas.vault.inbound import open_versions
from ipaas.vault.payloads import sealer_for

log = get_logger(__name__)


def endpoint_view(public_id: str) -> EndpointView | None:
    """The endpoint at an address with its live signing secrets, or None.

    Raises EndpointUnready when deliveries can not be checked: the endpoint then takes none, signed or not.
    """
    found = Endpoint.objects.select_related("workspace").filter(public_id=public_id).first()
    if found is None:
        return None
    fields = _signing_fields(found)
    return EndpointView(
        id=found.id,
        workspace_id=found.workspace_id,
        slug=found.slug,
        paused=found.state == Endpoint.State.PAUSED,
        scheme=SignatureScheme.from_document(found.signature or {"scheme": "none"}),
        signature_required=found.signature_required,
        secrets=[one[FIELD] for one in fields if FIELD in one],
        delivery_header=found.delivery_header,
        event_header=found.event_header,
        sealer=sealer_for(found.workspace_id),
        url=hook_address(found.public_id),
        delivery_path=found.delivery_path,
        event_path=found.event_path,
        egress=egress_of(found.workspace.settings),
        max_body=found.max_body or MAX_BODY,
        sources=[ip_network(one) for one in found.sources],
        rate_per_minute=found.rate_per_minute or 0,
        handshake=Handshake.from_document(found.handshake) if found.handshake else None,
        answer_status=found.answer_status,
        verify_tokens=[one[VERIFY_TOKEN] for one in fields if one.get(VERIFY_TOKEN)],
    )


def _signing_fields(endpoint: Endpoint) -> list[dict[str, str]]:
    if not endpoint.secret_slug:
        return []
    try:
        opened = open_versions(endpoint.workspace_id, endpoint.secret_slug, purpose=f"endpoint/{endpoint.slug}")
    except IpaasError as error:  # of the vault: where it keeps what is nothing that a sender is told
        log.warning("signing secret not opened", action="endpoint_unready", endpoint=endpoint.slug, reason=error.detail)
        raise EndpointUnready(slug=endpoint.slug) from error
    if not any(FIELD in fields for fields in opened):
        log.warning("endpoint without a signing secret", action="endpoint_unready", endpoint=endpoint.slug)
        raise EndpointUnready(slug=endpoint.slug)
    return opened
