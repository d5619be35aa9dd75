from django.apps import AppConfig


class MappingConfig(AppConfig):
    name = "ipaas.mapping"
    label = "mapping"

    def ready(self) -> None:
        from ipaas.core.document_types import register_document_type
        from ipaas.mapping.document import MAPPING_TYPE
        from ipaas.mapping.function_document import FUNCTION_TYPE
        from ipaas.mapping.lookup_document import LOOKUP_TYPE

        for one in (LOOKUP_TYPE, FUNCTION_TYPE, MAPPING_TYPE):
            register_document_type(one)
