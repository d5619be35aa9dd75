"""Small documents with the hard parts of the field in them."""

from typing import Any

from ipaas.core import jsonio
from ipaas.sdk.bodies import RequestNotBuildable  # noqa: F401 - for tests that expect it
from ipaas.sdk.connector import Action, Connector
from ipaas.sdk.openapi import Imported, import_openapi
from ipaas.sdk.requests import BuiltRequest


def document(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    """OpenAPI 3.0 unless ``openapi`` says otherwise."""
    info = {"title": "Parcel Post", "version": "2026-01"}
    servers = [{"url": "https://api.parcelpost.example/v1"}]
    return {"openapi": "3.0.3", "info": info, "servers": servers, "paths": paths, **more}


def imported(content: dict[str, Any], **options: Any) -> Imported:
    return import_openapi(jsonio.dumps(content), slug="parcel-post", **options)


def get_with(*parameters: dict[str, Any], path: str = "/parcels") -> dict[str, Any]:
    return document({path: {"get": {"operationId": "find", "parameters": list(parameters), "responses": {}}}})


def action_of(found: Imported, name: str = "find") -> Action:
    return Connector(found.manifest).actions[name]


def built(found: Imported, params: dict[str, Any], name: str = "find", key: str = "key-1") -> BuiltRequest:
    action = action_of(found, name)
    return action.build(action.checked_params(params), {}, key)


def told(found: Imported) -> set[str]:
    return {finding.code for finding in found.findings}
