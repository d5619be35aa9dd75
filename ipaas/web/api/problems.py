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

from ipaas.accounts.errors import InvalidApiKey
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


class NotAuthenticated(errors.IpaasError):
    """Nobody is recognised by this request."""

    status = 401
    code = "not_authenticated"
    title = "Not authenticated"
    remedy = "Send a live key as 'Authorization: Bearer ipk_…', or sign in."


class Refused(errors.IpaasError):
    """You may not do this: the permission for it is missing, or the form's token."""

    status = 403
    code = "permission_denied"
    title = "Permission denied"
    remedy = "Ask an administrator of the workspace for a role that permits it; a session sends X-CSRFToken too."


class MethodNotAllowed(errors.IpaasError):
    """This address does not take {method}."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"
    remedy = "Use a method that the header Allow names."


class NotAcceptable(errors.IpaasError):
    """The answer can not be had in a form that the request accepts."""

    status = 406
    code = "not_acceptable"
    title = "Not acceptable"
    remedy = "Accept application/json, or leave Accept out."


class UnsupportedMediaType(errors.IpaasError):
    """A body of this type is not read here: {media_type}."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"
    remedy = "Send JSON, with Content-Type: application/json."


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
        return _of_framework(exc), _challenge(exc)
    if isinstance(exc, DjangoPermissionDenied):
        return Refused(), {}
    if isinstance(exc, SuspiciousOperation):
        return BadRequest(), {}
    if isinstance(exc, DataError):
        return Unstorable(), {}
    return None, {}


def _of_framework(exc: exceptions.APIException) -> errors.IpaasError:
    if exc.get_codes() == InvalidApiKey.code:
        return InvalidApiKey()
    if isinstance(exc, exceptions.MethodNotAllowed):
        return MethodNotAllowed(method=str(exc.detail).partition('"')[2].partition('"')[0] or "this method")
    if isinstance(exc, exceptions.UnsupportedMediaType):
        return UnsupportedMediaType(media_type=str(exc.detail).partition('"')[2].partition('"')[0][:100] or "none")
    plain = {401: NotAuthenticated, 403: Refused, 404: errors.NotFound, 406: NotAcceptable}
    return plain.get(exc.status_code, BadRequest)()


def _challenge(exc: exceptions.APIException) -> dict[str, str]:
    challenge = getattr(exc, "auth_header", None)
    return {"WWW-Authenticate": challenge} if challenge else {}


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
