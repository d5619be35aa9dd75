"""A vendor's description of its API, and a later one that breaks what uses it."""

from copy import deepcopy
from typing import Any

from ipaas.catalog.imports import draft_import
from ipaas.catalog.models import ImportedConnector
from ipaas.governance.connectors import keep_import

SOURCE: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Parcel Post", "version": "2026-01", "description": "Sends parcels."},
    "servers": [{"url": "https://api.parcelpost.example/v1"}],
    "paths": {
        "/parcels": {
            "post": {
                "operationId": "sendParcel",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Parcel"}}},
                },
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Parcel"}}}}
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Parcel": {
                "type": "object",
                "required": ["weight"],
                "properties": {"weight": {"type": "integer"}, "to": {"type": "string", "enum": ["DE", "AT"]}},
            }
        },
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    },
}


def changed() -> dict[str, Any]:
    """The next version: a member more is demanded, another is gone from what comes back."""
    source = deepcopy(SOURCE)
    parcel = source["components"]["schemas"]["Parcel"]
    parcel["required"] = ["weight", "service"]
    parcel["properties"]["service"] = {"type": "string"}
    del parcel["properties"]["to"]
    return source


def import_connector(**given: Any) -> ImportedConnector:
    """A description looked at and kept at once, where no review is asked for."""
    kept = keep_import(draft=draft_import(**given), actor=given["actor"]).version
    assert kept is not None
    return kept
