"""Samples of the vendor's own documentation: what it really sends, kept beside the manifest and read by the suite.

A file ``samples/*.yaml`` of a connector's folder holds a delivery of a trigger, with the secret that the vendor's
example is signed with, or an answer to an action. Each names its source.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ipaas.core.jsonio import dumps
from ipaas.core.yamlio import load
from ipaas.sdk.manifest import Manifest
from ipaas.sdk.manifest_reader import ManifestInvalid
from ipaas.sdk.schemas import compile_schema, findings

FOLDER = "samples"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["source"],
    "oneOf": [{"required": ["trigger"]}, {"required": ["action"]}],
    "properties": {
        "source": {"type": "string", "minLength": 8, "description": "Where the vendor shows it: address or title."},
        "trigger": {"type": "string", "description": "Webhook trigger that the delivery is one of."},
        "event": {"type": "string", "description": "Event type that is to be found in the delivery."},
        "delivery_id": {"type": "string", "description": "Delivery id that is to be found in it."},
        "secret": {"type": "string", "description": "Secret of the example; without it only the body is read."},
        "url": {"type": "string", "description": "Address that the delivery went to, where the signature covers it."},
        "at": {"type": "string", "format": "date-time", "description": "Time at which the signature was good."},
        "action": {"type": "string", "description": "Action that the answer is one to."},
        "params": {"type": "object", "description": "Its parameters; without them its example."},
        "status": {"type": "integer", "minimum": 100, "maximum": 599, "default": 200, "description": "Of the answer."},
        "error": {
            "type": "object",
            "additionalProperties": False,
            "required": ["class"],
            "properties": {
                "class": {"type": "string", "description": "Error class that the answer is to have."},
                "code": {"type": "string", "description": "Code that is to be read from it."},
            },
            "description": "What is to become of an answer that is an error; a good one has none.",
        },
        "headers": {"type": "object", "additionalProperties": {"type": "string"}, "description": "As they were sent."},
        "body": {"description": "Exactly as it was sent, as a text; of an answer also as YAML."},
    },
}
_VALIDATOR = compile_schema(SCHEMA)


@dataclass(frozen=True, slots=True)
class Sample:
    """``body`` is what goes over the wire; ``name`` is the file's."""

    name: str
    source: str
    body: bytes
    trigger: str = ""
    event: str = ""
    delivery_id: str = ""
    secret: str = ""
    url: str = ""
    at: datetime | None = None
    action: str = ""
    params: Mapping[str, Any] | None = None
    status: int = 200
    error: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def read_samples(folder: Path, manifest: Manifest) -> list[Sample]:
    """The samples of a connector's folder. Raises ManifestInvalid naming file and place."""
    return [_sample(path, manifest) for path in sorted((folder / FOLDER).glob("*.yaml"))]


def _sample(path: Path, manifest: Manifest) -> Sample:
    document: Any = load(path.read_bytes())
    errors = findings(_VALIDATOR, document)
    if not errors:
        for kind, known in (("trigger", manifest.triggers), ("action", manifest.actions)):
            if kind in document and document[kind] not in known:
                errors = [{"path": kind, "code": "unknown", "message": f"there is no {kind} {document[kind]}"}]
    if errors:
        placed = [{**one, "path": f"{FOLDER}/{path.name}: {one['path']}"} for one in errors]
        raise ManifestInvalid(placed, connector=manifest.slug)
    body = document.pop("body", "")
    at = document.pop("at", None)
    return Sample(
        name=path.name,
        body=body.encode() if isinstance(body, str) else dumps(body),
        at=datetime.fromisoformat(at) if at else None,
        **document,
    )
