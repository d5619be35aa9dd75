from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "ipaas.outbox"
    label = "outbox"
