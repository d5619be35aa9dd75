"""Reading deliveries back."""

from typing import Any

from ipaas.core import jsonio
from ipaas.core.ids import uuid7_time
from ipaas.events.sealing import receipt_aad
from ipaas.vault.payloads import PayloadSealer


def read_receipt(row: Any, sealer: PayloadSealer) -> dict[str, Any]:
    """What expressions see of a delivery as ``trigger``."""
    content = jsonio.loads(sealer.open(bytes(row.sealed), receipt_aad(row.id)))
    return {
        "kind": "webhook",
        "event": row.event,
        "id": row.delivery_id or str(row.id),
        "received_at": uuid7_time(row.id).isoformat(),
        "headers": content["headers"],
        "body": content["body"],
    }
