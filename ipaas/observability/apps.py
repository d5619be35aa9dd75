from django.apps import AppConfig


class ObservabilityConfig(AppConfig):
    name = "ipaas.observability"
    label = "observability"
