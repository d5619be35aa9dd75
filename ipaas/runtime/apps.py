from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "ipaas.runtime"
    label = "runtime"
