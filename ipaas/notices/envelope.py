"""What is sent: one CloudEvents 1.0 event in structured mode, the same bytes at every try."""

from ipaas.core import jsonio
from ipaas.core.ids import uuid7_time
from ipaas.outbox.models import OutboxEvent

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


def envelope(event: OutboxEvent, workspace: str) -> bytes:
    """The event as JSON; ``workspace`` is the slug that its source begins with."""
    found = {
        "specversion": "1.0",
        "id": str(event.id),
        "type": event.type,
        "source": f"/w/{workspace}/{event.source}",
        "time": uuid7_time(event.id).isoformat(),
        "datacontenttype": "application/json",
    }
    if event.subject:
        found["subject"] = event.subject
    return jsonio.dumps({**found, "data": event.data})
