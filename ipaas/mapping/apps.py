from django.apps import AppConfig


class MappingConfig(AppConfig):
    name = "ipaas.mapping"
    label = "mapping"
