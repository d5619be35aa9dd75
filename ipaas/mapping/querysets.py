"""Reading mappings and their versions."""

from ipaas.core.document_querysets import DocumentQuerySet, VersionQuerySet


class MappingQuerySet(DocumentQuerySet):
    """Mappings of a workspace."""


class MappingVersionQuerySet(VersionQuerySet):
    """Published versions of mappings."""
