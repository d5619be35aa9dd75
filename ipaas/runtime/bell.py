"""Rings the workers, by whoever made work or found it due; knows their task by its name, not what it loads."""

from celery import current_app

PUMP = "ipaas.pump"


def ring(lane: str) -> None:
    """Send the message that starts a pump; called by the wake thread, never in a request."""
    current_app.send_task(PUMP, args=(lane,), queue=lane, expires=60, retry=False)
