"""Errors of the product: each says what happened, where, and what to do next."""

from enum import StrEnum
from typing import Any, ClassVar

from ipaas.core.phrases import said


class ErrorClass(StrEnum):
    """How a failure is classified; only the class decides retry, route, alert and wording."""

    TRANSIENT = "transient"
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    AUTH = "auth"
    CONTRACT_VIOLATION = "contract_violation"
    BUSINESS_REJECTION = "business_rejection"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    CONFIGURATION = "configuration"
    INTERNAL = "internal"
    OUTCOME_UNKNOWN = "outcome_unknown"


class IpaasError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"
    remedy: ClassVar[str] = ""

    def __init__(self, **params: Any) -> None:
        self.params = params
        super().__init__(self.detail)

    @classmethod
    def template(cls) -> str:
        """The docstring's first paragraph, in which parameters stand in braces."""
        return " ".join((cls.__doc__ or "").split("\n\n")[0].split())

    @property
    def detail(self) -> str:
        """What happened, with the parameters filled in; a phrase, so that a page tells it in its language."""
        return said(self.template(), **self.params)

    @property
    def advice(self) -> str:
        """What to do next, likewise."""
        return said(self.remedy, **self.params)

    def as_problem(self, *, instance: str = "", trace_id: str = "") -> dict[str, Any]:
        """Problem details (RFC 9457) with the stable ``code``, the ``remedy`` and the trace id."""
        problem: dict[str, Any] = {
            "type": f"/docs/reference/errors#{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.remedy:
            problem["remedy"] = self.advice
        if instance:
            problem["instance"] = instance
        if trace_id:
            problem["trace_id"] = trace_id
        return problem


class InvalidInput(IpaasError):
    """The input is not valid: {summary}"""

    status = 422
    code = "invalid_input"
    title = "Invalid input"
    remedy = "Correct the places named in errors and send it again."

    def __init__(self, errors: list[dict[str, str]], **params: Any) -> None:
        """``errors``: one ``{"path", "code", "message"}`` per finding."""
        self.errors = errors
        first = errors[0] if errors else {"path": "", "message": "no detail"}
        more = said(" (and {count} more)", count=len(errors) - 1) if len(errors) > 1 else ""
        super().__init__(
            summary=said(
                "{path}: {message}{more}",
                path=first.get("path") or said("document"),
                message=first["message"],
                more=more,
            ),
            **params,
        )

    def as_problem(self, *, instance: str = "", trace_id: str = "") -> dict[str, Any]:
        return {**super().as_problem(instance=instance, trace_id=trace_id), "errors": self.errors}


class NotFound(IpaasError):
    """There is no {what} with this identity here."""

    status = 404
    code = "not_found"
    title = "Not found"
    remedy = "Check the identity and the workspace."

    def __init__(self, what: str = "resource", **params: Any) -> None:
        super().__init__(what=what, **params)


class PermissionDenied(IpaasError):
    """This needs the permission {permission}, which you do not have in this workspace."""

    status = 403
    code = "permission_denied"
    title = "Permission denied"
    remedy = "Ask an administrator of the workspace for a role that has it."


class Conflict(IpaasError):
    """{what}"""

    status = 409
    code = "conflict"
    title = "Conflict"
    remedy = "Load the present state and try again."


class TooLarge(IpaasError):
    """The {what} is larger than {limit}."""

    status = 413
    code = "too_large"
    title = "Too large"
    remedy = "Send less at once."


class RateLimited(IpaasError):
    """Too many requests; try again in {retry_after_s} s."""

    status = 429
    code = "rate_limited"
    title = "Too many requests"
    remedy = "Wait for the time given in Retry-After."
