from django.apps import AppConfig


class VaultConfig(AppConfig):
    name = "ipaas.vault"
    label = "vault"
