from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "ipaas.events"
    label = "events"

    def ready(self) -> None:
        from ipaas import audit
        from ipaas.events.checks import endpoints_using
        from ipaas.vault.services import on_usage_asked

        on_usage_asked(endpoints_using)
        audit.register_actions(
            {
                "endpoint.created": "An address for deliveries was made.",
                "endpoint.changed": "How deliveries of an endpoint are checked, or its title, was changed.",
                "endpoint.paused": "An endpoint takes nothing more for a while.",
                "endpoint.tested": "A signed test delivery was sent to an endpoint.",
                "delivery.redelivered": "A delivery was taken once more, as a new receipt.",
                "endpoint.resumed": "An endpoint takes deliveries again.",
                "endpoint.rotated": "An endpoint was given a new address; the old one is gone.",
                "endpoint.greeted": "The sender of an endpoint brought the secret that it signs with.",
                "endpoint.subscribed": "The vendor was told to deliver to an endpoint.",
                "endpoint.subscription_failed": "Telling the vendor of an endpoint failed, or is in doubt.",
                "endpoint.subscription_checked": "The vendor was asked whether it still delivers to an endpoint.",
                "endpoint.subscription_renewed": "The vendor goes on delivering to an endpoint for another while.",
                "endpoint.unsubscribed": "The vendor was told to deliver to an endpoint no more.",
                "endpoint.deleted": "An endpoint was deleted; its receipts stay.",
            }
        )
