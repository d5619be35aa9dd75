from django.apps import AppConfig


class MappingConfig(AppConfig):
    name = "ipaas.mapping"
    label = "mapping"

    def ready(self) -> None:
        from ipaas.core.document_types import register_document_type
        from ipaas.mapping.document import MAPPING_TYPE

        register_document_type(MAPPING_TYPE)
