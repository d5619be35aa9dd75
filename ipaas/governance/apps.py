from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    name = "ipaas.governance"
    label = "governance"
