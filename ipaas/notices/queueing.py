"""Due work of webhooks: one row for each that has deliveries waiting, so that none takes all workers."""

from ipaas.notices.models import Webhook
from ipaas.runtime import writing
from ipaas.runtime.models import Work

_WAKE = """
INSERT INTO runtime_work AS w (id, kind, lane, workspace_id, group_id, due_at, fence)
VALUES (%s, %s, %s, %s, %s, now(), 1024 + (random() * 1000000000)::integer)
ON CONFLICT (id) DO UPDATE SET wakes = w.wakes + 1, due_at = CASE WHEN w.leased THEN w.due_at ELSE now() END
"""


def wake(webhook: Webhook) -> None:
    """Have the waiting deliveries of an active webhook looked at, once the caller's transaction is committed."""
    if webhook.state == Webhook.State.ACTIVE:
        values = [webhook.id, Work.Kind.WEBHOOK, Work.Lane.DEFAULT, webhook.workspace_id, webhook.id]
        writing.execute(_WAKE, values)
        writing.ring(Work.Lane.DEFAULT)
