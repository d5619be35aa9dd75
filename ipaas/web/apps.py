from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class WebConfig(AppConfig):
    default = True
    name = "ipaas.web"
    label = "web"


class StaticConfig(StaticFilesConfig):
    """Leaves out what no page loads: compressing it would be most of the first start's time."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "rest_framework", "src"]
