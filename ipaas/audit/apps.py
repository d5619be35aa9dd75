from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "ipaas.audit"
    label = "audit"
