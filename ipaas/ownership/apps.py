from django.apps import AppConfig


class OwnershipConfig(AppConfig):
    name = "ipaas.ownership"
    label = "ownership"

    def ready(self) -> None:
        from ipaas import audit
        from ipaas.core import providers
        from ipaas.core.document_types import register_document_type
        from ipaas.ownership.conventions import CONVENTION_TYPE
        from ipaas.ownership.glossary import TERM_TYPE, synonyms

        register_document_type(TERM_TYPE)
        register_document_type(CONVENTION_TYPE)
        providers.register("glossary.synonyms", synonyms)
        audit.register_actions(
            {
                "domain.created": "A domain was made.",
                "domain.changed": "A domain, its owner or its stewards were changed.",
                "domain.deleted": "A domain was deleted.",
            }
        )
