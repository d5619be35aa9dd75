"""What the ingress reads of endpoints."""

from ipaas.core.logging import get_logger
from ipaas.events.checks import FIELD
from ipaas.events.intake import EndpointUnready, EndpointView
from ipaas.events.models import Endpoint
from ipaas.sdk.signatures import SignatureScheme
from ipaas.vault.errors import SecretNotFound
from ipaas.vault.inbound import open_versions
from ipaas.vault.payloads import sealer_for

log = get_logger(__name__)


def endpoint_view(public_id: str) -> EndpointView | None:
    """The endpoint at an address with its live signing secrets, or None.

    Raises EndpointUnready when deliveries can not be checked: the endpoint then takes none, signed or not.
    """
    found = Endpoint.objects.filter(public_id=public_id).first()
    if found is None:
        return None
    return EndpointView(
        id=found.id,
        workspace_id=found.workspace_id,
        slug=found.slug,
        paused=found.state == Endpoint.State.PAUSED,
        scheme=SignatureScheme.from_document(found.signature or {"scheme": "none"}),
        signature_required=found.signature_required,
        secrets=_signing_secrets(found),
        delivery_header=found.delivery_header,
        event_header=found.event_header,
        sealer=sealer_for(found.workspace_id),
    )


def _signing_secrets(endpoint: Endpoint) -> list[str]:
    if not endpoint.secret_slug:
        return []
    try:
        opened = open_versions(endpoint.workspace_id, endpoint.secret_slug, purpose=f"endpoint/{endpoint.slug}")
    except SecretNotFound:
        opened = []
    secrets = [fields[FIELD] for fields in opened if FIELD in fields]
    if not secrets:
        log.warning("endpoint without a signing secret", action="endpoint_unready", endpoint=endpoint.slug)
        raise EndpointUnready(slug=endpoint.slug)
    return secrets
