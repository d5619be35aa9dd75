from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "ipaas.flows"
    label = "flows"
