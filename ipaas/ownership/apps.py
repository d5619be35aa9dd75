from django.apps import AppConfig


class OwnershipConfig(AppConfig):
    name = "ipaas.ownership"
    label = "ownership"

    def ready(self) -> None:
        from ipaas import audit

        audit.register_actions(
            {
                "domain.created": "A domain was made.",
                "domain.changed": "A domain, its owner or its stewards were changed.",
                "domain.deleted": "A domain was deleted.",
            }
        )
