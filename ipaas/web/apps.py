from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "ipaas.web"
    label = "web"
