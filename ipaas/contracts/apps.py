from django.apps import AppConfig


class ContractsConfig(AppConfig):
    name = "ipaas.contracts"
    label = "contracts"
