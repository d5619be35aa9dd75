from django.apps import AppConfig


class ContractsConfig(AppConfig):
    name = "ipaas.contracts"
    label = "contracts"

    def ready(self) -> None:
        from ipaas import audit
        from ipaas.contracts.contract_document import CONTRACT_TYPE
        from ipaas.contracts.document import SCHEMA_TYPE
        from ipaas.contracts.event_document import EVENT_TYPE
        from ipaas.core.document_types import register_document_type

        register_document_type(SCHEMA_TYPE)
        register_document_type(CONTRACT_TYPE)
        register_document_type(EVENT_TYPE)
        audit.register_actions(
            {
                "schema.break_accepted": (
                    "A steward decided to publish a schema although it may break readers or writers."
                ),
                "contract.shared": "A link was made by which a contract is read without an account.",
                "contract.unshared": "The link of a contract was ended.",
            }
        )
