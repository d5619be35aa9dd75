from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "ipaas.accounts"
    label = "accounts"
