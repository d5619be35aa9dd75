from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "ipaas.catalog"
    label = "catalog"
