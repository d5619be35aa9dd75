from django.apps import AppConfig, apps


class WebConfig(AppConfig):
    name = "ipaas.web"
    label = "web"

    def ready(self) -> None:
        """Leave out of the collected files what no page loads: compressing it was most of the first start's time."""
        collected = apps.get_app_config("staticfiles")
        collected.ignore_patterns = [*collected.ignore_patterns, "rest_framework", "src"]  # type: ignore[attr-defined]
