from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "ipaas.flows"
    label = "flows"

    def ready(self) -> None:
        from ipaas.core import providers
        from ipaas.core.document_types import register_document_type
        from ipaas.flows.document import FLOW_TYPE
        from ipaas.flows.usage import connection_use_labels, endpoint_use_labels

        register_document_type(FLOW_TYPE)
        providers.register("catalog.connection_uses", connection_use_labels)
        providers.register("events.endpoint_uses", endpoint_use_labels)
