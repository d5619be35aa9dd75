"""The forms of answers and errors that clients of Confluent's registry expect."""

from typing import Any

from django.http import HttpResponse

from ipaas.contracts.models import Schema, SchemaVersion
from ipaas.core import errors, jsonio
from ipaas.governance.ending import StillReferredTo
from ipaas.governance.registry import references_of

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


class RegistryError(Exception):
    """An answer with an error code of the registry; the first three digits of a code are the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)

    @property
    def status(self) -> int:
        return self.code if self.code < 1000 else self.code // 100


def answer(value: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(jsonio.dumps(value), status=status, content_type=MEDIA_TYPE)


def refusal(error: RegistryError) -> HttpResponse:
    found = answer({"error_code": error.code, "message": error.message}, error.status)
    if error.status == 401:
        found["WWW-Authenticate"] = 'Basic realm="schema registry"'
    return found


def as_registry_error(error: errors.IpaasError) -> RegistryError:
    """What our own errors are called there: an incompatible schema is 409, an invalid one 42201."""
    words = " ".join(part for part in (error.detail, error.advice) if part)
    if isinstance(error, errors.InvalidInput):
        codes = {one.get("code", "") for one in error.errors}
        told = "; ".join(f"{one.get('path') or '/'}: {one['message']}" for one in error.errors[:20])
        return RegistryError(409 if codes & {"schema.incompatible", "schema.undecided"} else 42201, told)
    if isinstance(error, StillReferredTo):
        return RegistryError(42206, words)
    if isinstance(error, errors.NotFound):
        return RegistryError(40401, words)
    if isinstance(error, errors.PermissionDenied):
        return RegistryError(40301, words)
    return RegistryError(error.status, words)


def text_of(schema: Any) -> str:
    return jsonio.dumps(schema).decode()


def name_of(schema: Schema) -> str:
    return schema.subject or schema.slug


def with_references(version: SchemaVersion) -> dict[str, Any]:
    """The schema of a version, and what the names in it mean."""
    references = references_of(version)
    return {
        "schemaType": "JSON",
        "schema": text_of(version.content["schema"]),
        **({"references": references} if references else {}),
    }


def registered(version: SchemaVersion) -> dict[str, Any]:
    """A version of a subject."""
    return {
        "subject": name_of(version.document),
        "id": version.registered_id,
        "version": version.number,
        **with_references(version),
    }
