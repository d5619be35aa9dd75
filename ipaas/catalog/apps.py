from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


def _keep_pinned(using: str, **_signal: Any) -> None:
    """What connections are pinned to is kept before a later update of the connectors can replace it."""
    from ipaas.catalog.registry import connectors
    from ipaas.catalog.releases import keep_pinned

    if "catalog_keptrelease" in connections[using].introspection.table_names():
        keep_pinned(connectors)


class CatalogConfig(AppConfig):
    name = "ipaas.catalog"
    label = "catalog"

    def ready(self) -> None:
        from ipaas import audit
        from ipaas.catalog.connector_document import CONNECTOR_TYPE
        from ipaas.catalog.facts import connections_of
        from ipaas.catalog.provider_rotation import AtProvider
        from ipaas.catalog.usage import connections_using
        from ipaas.core import providers
        from ipaas.core.document_types import register_document_type
        from ipaas.vault.rotators import register_by_use
        from ipaas.vault.services import on_usage_asked

        register_document_type(CONNECTOR_TYPE)
        post_migrate.connect(_keep_pinned, sender=self)
        providers.register("catalog.connections", connections_of)
        on_usage_asked(connections_using)
        register_by_use(AtProvider())
        audit.register_actions(
            {
                "connector.imported": "A vendor's description became what the next version of a connector would run.",
                "connection.created": "A connection was made.",
                "connection.changed": "A connection was changed; a new address detaches its secret.",
                "connection.enabled": "A connection was enabled.",
                "connection.disabled": "A connection was disabled: calls over it fail.",
                "connection.tested": "A connection's test call was made.",
                "connection.end_announced": "A vendor announced that an operation in use ends.",
                "connection.connected": "Somebody said yes at the vendor, and the connection has its token.",
                "connection.credential_entered": "A connection's credential was entered, as a version of its secret.",
                "connection.credential_revoked": "An old credential was ended at its provider, after the overlap.",
                "connection.revocation_failed": "An old credential could not be ended at its provider yet.",
                "connection.revocation_settled": "Somebody said that an old credential needs no ending any more.",
                "connection.share_created": "A link was made by which somebody without an account connects it.",
                "connection.share_revoked": "A link for connecting a connection was revoked.",
                "connection.operation_tried": "An operation of a connection was tried out, outside any flow.",
                "connection.breaker_forced": "The breaker of a connection was forced open or closed, or freed.",
                "connection.deleted": "A connection was deleted.",
                "stubs.fault_set": "A fault of a stand-in vendor was put in force.",
                "stubs.faults_cleared": "Faults of stand-in vendors were lifted.",
                "stubs.started": "The stand-in of an imported connector was started.",
                "stubs.stopped": "The stand-in of an imported connector was taken away with what reached it.",
                "stubs.reset": "The stand-in vendors were made to forget everything.",
                "stubs.webhooks_sent": "A stand-in vendor was made to send webhooks.",
            }
        )
