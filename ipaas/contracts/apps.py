from django.apps import AppConfig


class ContractsConfig(AppConfig):
    name = "ipaas.contracts"
    label = "contracts"

    def ready(self) -> None:
        from ipaas import audit
        from ipaas.contracts.document import SCHEMA_TYPE
        from ipaas.core.document_types import register_document_type

        register_document_type(SCHEMA_TYPE)
        audit.register_actions(
            {"schema.break_accepted": "A steward decided to publish a schema although it may break readers or writers."}
        )
