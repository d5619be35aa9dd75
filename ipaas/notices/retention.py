"""What is kept of deliveries: as long as runs are; a waiting one goes too when nothing became of it for that long."""

from datetime import datetime

from ipaas.core.ids import uuid7_at
from ipaas.notices.models import WebhookDelivery

BATCH = 5_000


def delete_ended(until: datetime) -> int:
    """Delete deliveries of events before a moment, with their attempts; returns how many."""
    total = 0
    while True:
        old = WebhookDelivery.objects.filter(id__lt=uuid7_at(until)).values("id")[:BATCH]
        gone = WebhookDelivery.objects.filter(id__in=list(old.values_list("id", flat=True)))
        count = gone.count()
        gone.delete()
        total += count
        if count < BATCH:
            return total
