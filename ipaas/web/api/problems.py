"""Every error of the API as problem details (RFC 9457) with a stable code."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import SuspiciousOperation
from django.db import DataError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from ipaas.core import context, errors
from ipaas.core.logging import get_logger

log = get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class Unstorable(errors.IpaasError):
    """A value is outside of what can be stored: a character NUL, or a number or time beyond all bounds."""

    code = "value.unstorable"
    title = "Value not accepted"
    remedy = "Send ordinary text, numbers and times."


class BadRequest(errors.IpaasError):
    """The request is not accepted as it was sent."""

    code = "request.bad"
    title = "Bad request"


class Defect(errors.IpaasError):
    """The fault is on our side; it has been logged with the request's id."""

    status = 500
    code = "internal"
    title = "Internal error"
    remedy = "Look whether it was carried out before you send it again; tell the operator the request id."


class OfFramework(errors.IpaasError):
    """{text}"""

    def __init__(self, status: int, code: str, text: str) -> None:
        self.status = status  # type: ignore[misc]  # the framework's errors have theirs per instance
        self.code = code  # type: ignore[misc]
        self.title = code.replace("_", " ").capitalize()  # type: ignore[misc]
        super().__init__(text=text)


def problem_response(exc: Exception, _context: Mapping[str, Any]) -> Response:
    """The answer to an error; a defect of ours is logged, and told with the request's id and nothing else."""
    found, headers = as_ipaas_error(exc)
    if found is None:
        log.error("request failed by a defect", action="request_defect", exc_info=exc)
        found = Defect()
    set_rollback()
    request = _context.get("request")
    trace = context.trace.get()
    body = found.as_problem(
        instance=request.path[:300] if request is not None else "", trace_id=trace.trace_id if trace else ""
    )
    body["request_id"] = context.correlation_id.get()
    return Response(body, status=found.status, headers=headers, content_type=MEDIA_TYPE)


def as_ipaas_error(exc: Exception) -> tuple[errors.IpaasError | None, dict[str, str]]:
    """The error in our terms, with the headers that belong to it."""
    if isinstance(exc, errors.RateLimited):
        return exc, {"Retry-After": str(exc.params["retry_after_s"])}
    if isinstance(exc, errors.IpaasError):
        return exc, {}
    if isinstance(exc, exceptions.ValidationError):
        return errors.InvalidInput(list(_findings(exc.get_full_details(), ""))), {}
    if isinstance(exc, Http404 | exceptions.NotFound):
        return errors.NotFound(), {}
    if isinstance(exc, exceptions.APIException):
        return _of_framework(exc)
    if isinstance(exc, DjangoPermissionDenied):
        return OfFramework(403, "permission_denied", "You may not do this."), {}
    if isinstance(exc, SuspiciousOperation):
        return BadRequest(), {}
    if isinstance(exc, DataError):
        return Unstorable(), {}
    return None, {}


def _of_framework(exc: exceptions.APIException) -> tuple[errors.IpaasError, dict[str, str]]:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else exc.default_code
    text = str(exc.detail) if not isinstance(exc.detail, dict | list) else exc.default_detail
    return OfFramework(exc.status_code, code, str(text)), headers


def _findings(details: Any, path: str) -> Iterator[dict[str, str]]:
    """Flatten a validation error: one finding per place, the place as a JSON pointer."""
    if isinstance(details, dict) and set(details) == {"message", "code"} and isinstance(details["code"], str):
        yield {"path": path, "code": details["code"], "message": str(details["message"])}
    elif isinstance(details, dict):
        for key, inner in details.items():
            yield from _findings(inner, path if key == "non_field_errors" else f"{path}/{key}")
    elif isinstance(details, list):
        for inner in details:
            yield from _findings(inner, path)
