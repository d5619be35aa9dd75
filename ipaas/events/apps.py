from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "ipaas.events"
    label = "events"
