from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "ipaas.flows"
    label = "flows"

    def ready(self) -> None:
        from ipaas.core.document_types import register_document_type
        from ipaas.flows.document import FLOW_TYPE

        register_document_type(FLOW_TYPE)
