"""What other packages may know of connections without calling anything."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from ipaas.catalog.errors import ConnectorMissing
from ipaas.catalog.models import Connection
from ipaas.catalog.registry import connector_of
from ipaas.sdk.connector import Connector


def connections_of(workspace_id: UUID) -> Iterator[tuple[str, Connector, Mapping[str, Any]]]:
    """Slug, connector and settings of every connection in every environment; lent as ``catalog.connections``.

    Those whose connector is not installed are left out.
    """
    for row in Connection.objects.in_workspace(workspace_id).order_by("slug", "id"):
        with suppress(ConnectorMissing):
            yield row.slug, connector_of(row), row.config
