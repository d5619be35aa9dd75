"""What the ingress reads of endpoints."""

from ipaas.events.intake import EndpointView
from ipaas.events.models import Endpoint
from ipaas.sdk.signatures import SignatureScheme
from ipaas.vault.inbound import open_versions
from ipaas.vault.payloads import sealer_for


def endpoint_view(public_id: str) -> EndpointView | None:
    """The endpoint at an address with its live signing secrets, or None."""
    found = Endpoint.objects.filter(public_id=public_id).first()
    if found is None:
        return None
    secrets: list[str] = []
    if found.secret_slug:
        opened = open_versions(found.workspace_id, found.secret_slug, purpose=f"endpoint/{found.slug}")
        secrets = [fields["signing_secret"] for fields in opened if "signing_secret" in fields]
    return EndpointView(
        id=found.id,
        workspace_id=found.workspace_id,
        slug=found.slug,
        paused=found.state == Endpoint.State.PAUSED,
        scheme=SignatureScheme.from_document(found.signature or {"scheme": "none"}),
        signature_required=found.signature_required,
        secrets=secrets,
        delivery_header=found.delivery_header,
        event_header=found.event_header,
        sealer=sealer_for(found.workspace_id),
    )
