"""What may be shown of a delivery: headers and body as they came, with everything masked that is secret or classified.

Masked are the places that the flows which listen to the endpoint classify, fields that its connector calls sensitive,
keys with sensitive names, every value of the workspace's vault, and copies of all of these in other places.
"""

from typing import Any

from ipaas.catalog.registry import connectors
from ipaas.core import jsonio
from ipaas.core.redaction import Redactor, texts_of
from ipaas.events.arrivals import read_note
from ipaas.events.models import ArrivalNote, Endpoint, Receipt
from ipaas.events.sealing import receipt_aad
from ipaas.flows.models import Deployment
from ipaas.flows.queries import plan_for
from ipaas.runtime.showing import bounded
from ipaas.vault.known import secret_values
from ipaas.vault.payloads import PayloadSealer, sealer_for


def shown_receipt(receipt: Receipt, endpoint: Endpoint | None) -> dict[str, Any]:
    """``headers`` and ``body`` of an accepted delivery; the endpoint is None when it was deleted."""
    sealer = sealer_for(receipt.workspace_id)
    content = jsonio.loads(sealer.open(bytes(receipt.sealed), receipt_aad(receipt.id)))
    return _masked(content, endpoint, sealer)


def shown_note(note: ArrivalNote) -> dict[str, Any]:
    """``headers``, names of the ``other_headers``, ``query`` and ``body`` of what became no receipt."""
    sealer = sealer_for(note.workspace_id)
    return _masked(read_note(note, sealer), note.endpoint, sealer)


def _masked(content: Any, endpoint: Endpoint | None, sealer: PayloadSealer) -> dict[str, Any]:
    key = sealer.fingerprint_key
    fields = _classified(endpoint) if endpoint is not None else {}
    scope = {"trigger": content}
    copies = texts_of(Redactor(fields=fields, fingerprint_key=key).hidden(scope))
    secret = secret_values(sealer.workspace_id).plus(copies)
    found = Redactor(fields=fields, values=secret, fingerprint_key=key).redact(scope)
    shown: dict[str, Any] = bounded(found["trigger"])
    return shown


def _classified(endpoint: Endpoint) -> dict[str, str]:
    """Classes by place, as every flow that the endpoint starts says them, and its connector."""
    running = Deployment.objects.in_workspace(endpoint.workspace_id).running().triggered_by("webhook", endpoint.slug)
    fields: dict[str, str] = {}
    for version_id in running.filter(environment_id=endpoint.environment_id).values_list("version_id", flat=True):
        fields |= plan_for(version_id).redaction
    connector = connectors().get(endpoint.connector)
    for path in connector.manifest.sensitive if connector is not None else ():
        fields.setdefault(f"trigger.body.{path}", "sensitive")
    return fields
