from collections.abc import Callable

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "ipaas.notices"
    label = "notices"

    def ready(self) -> None:
        from ipaas import audit
        from ipaas.audit.recording import on_recorded
        from ipaas.core import providers
        from ipaas.notices.audited import tell_of
        from ipaas.notices.checks import webhooks_using
        from ipaas.notices.event_types import CATALOGUE
        from ipaas.notices.fanout import wanted
        from ipaas.notices.retention import delete_ended
        from ipaas.outbox.emitting import WANTED
        from ipaas.outbox.event_types import register_event_types
        from ipaas.runtime.retention import also_delete
        from ipaas.vault.services import on_usage_asked

        register_event_types(CATALOGUE)
        providers.register(WANTED, wanted)
        providers.register("runtime.handlers", handlers)
        providers.register("runtime.duties", duties)
        on_recorded(tell_of)
        on_usage_asked(webhooks_using)
        also_delete("notices_webhookdelivery", delete_ended)
        audit.register_actions(
            {
                "webhook.created": "An address was added that is told of events.",
                "webhook.changed": "A webhook was changed.",
                "webhook.paused": "A webhook is told of nothing for a while; its deliveries wait.",
                "webhook.resumed": "A webhook is told of events again, of those that waited first.",
                "webhook.disabled": "A webhook failed for days, or said that it is gone, and is tried no more.",
                "webhook.secret_rotated": "A webhook was given a new signing secret; the old one signs too a while.",
                "webhook.tested": "A test event was sent to a webhook.",
                "webhook.redelivered": "Deliveries of a webhook were queued again.",
                "webhook.deleted": "A webhook was deleted with its deliveries.",
            }
        )


def duties() -> list[tuple[float, Callable[[], object]]]:
    """What the scheduler does for this package, each with its period in seconds."""
    from ipaas.catalog.health import check_connections
    from ipaas.catalog.revocations import revoke_due
    from ipaas.events.subscriptions import renew_subscriptions
    from ipaas.governance.reviews import expire_reviews, remind_reviewers
    from ipaas.notices.beside import Beside
    from ipaas.notices.breakers import EVERY_S, tell_breakers
    from ipaas.notices.drifts import tell_drift
    from ipaas.notices.expiry import tell_expiring
    from ipaas.notices.rotations import tell_rotations
    from ipaas.runtime.drift import EVERY_S as DRIFT_EVERY_S
    from ipaas.runtime.drift import find_drift
    from ipaas.vault.leftovers import clear_leftovers
    from ipaas.vault.services import wipe_ended
    from ipaas.vault.standing import look_after_backends

    return [
        (3600.0, tell_expiring),
        (3600.0, Beside(tell_rotations)),
        (20.0, Beside(look_after_backends, clear_leftovers)),
        (DRIFT_EVERY_S, Beside(find_drift, tell_drift)),
        (60.0, wipe_ended),
        (60.0, Beside(expire_reviews, remind_reviewers)),
        (60.0, Beside(check_connections)),
        (60.0, Beside(renew_subscriptions)),
        (60.0, Beside(revoke_due)),
        (EVERY_S, tell_breakers),
    ]


def handlers() -> dict[int, object]:
    """How the workers do the work of this package."""
    from ipaas.notices import fanout, mails, sending
    from ipaas.runtime.models import Work
    from ipaas.runtime.pump import Handler

    return {
        Work.Kind.NOTICE: Handler(fanout.notice_task, fanout.abandon_notice),
        Work.Kind.WEBHOOK: Handler(sending.webhook_task, sending.abandon_webhook),
        Work.Kind.MAIL: Handler(mails.mail_task, mails.abandon_mail),
    }
