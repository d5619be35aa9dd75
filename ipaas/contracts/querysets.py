"""Reading schemas and their versions."""

from ipaas.core.document_querysets import DocumentQuerySet, VersionQuerySet


class SchemaQuerySet(DocumentQuerySet):
    """Schemas of a workspace."""


class SchemaVersionQuerySet(VersionQuerySet):
    """Published versions of schemas."""
