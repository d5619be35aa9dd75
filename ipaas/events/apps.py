from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "ipaas.events"
    label = "events"

    def ready(self) -> None:
        from ipaas import audit

        audit.register_actions({"endpoint.created": "An address for deliveries was made."})
