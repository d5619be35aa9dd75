"""What went wrong downstream: answers and broken calls, classified once.

Rules of the action come first, then those of the connector, then the platform's default table.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ipaas.core import clock
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.core.jsonio import JsonInvalid, loads
from ipaas.sdk.manifest import ErrorRule
from ipaas.sdk.paths import MISSING, read_path

if TYPE_CHECKING:
    from ipaas.sdk.connector import ResponseView

_SECONDS = re.compile(r"([0-9]+)(?:\.[0-9]{1,9})?", re.ASCII)
MAX_RETRY_AFTER_S = 86_400
MAX_MESSAGE_CHARS = 500
"""Of a message that is kept; a credential that it repeats is masked before it is cut."""
_MAX_TOLD_CHARS = 20_000
MAX_MATCHED_CHARS = 10_000

_BY_STATUS: Mapping[int, ErrorClass] = {
    400: ErrorClass.CONTRACT_VIOLATION,
    401: ErrorClass.AUTH,
    402: ErrorClass.BUSINESS_REJECTION,
    403: ErrorClass.AUTH,
    404: ErrorClass.NOT_FOUND,
    405: ErrorClass.CONFIGURATION,
    406: ErrorClass.CONTRACT_VIOLATION,
    407: ErrorClass.CONFIGURATION,
    408: ErrorClass.TIMEOUT,
    409: ErrorClass.CONFLICT,
    410: ErrorClass.NOT_FOUND,
    411: ErrorClass.CONTRACT_VIOLATION,
    412: ErrorClass.CONFLICT,
    413: ErrorClass.CONTRACT_VIOLATION,
    414: ErrorClass.CONTRACT_VIOLATION,
    415: ErrorClass.CONTRACT_VIOLATION,
    421: ErrorClass.TRANSIENT,
    422: ErrorClass.BUSINESS_REJECTION,
    423: ErrorClass.CONFLICT,
    425: ErrorClass.TRANSIENT,
    426: ErrorClass.CONFIGURATION,
    428: ErrorClass.CONFLICT,
    429: ErrorClass.THROTTLED,
    431: ErrorClass.CONTRACT_VIOLATION,
    451: ErrorClass.BUSINESS_REJECTION,
    501: ErrorClass.CONFIGURATION,
    504: ErrorClass.TIMEOUT,
    505: ErrorClass.CONFIGURATION,
}
_BY_CLASS: Mapping[int, ErrorClass] = {
    1: ErrorClass.TRANSIENT,
    3: ErrorClass.CONFIGURATION,
    4: ErrorClass.BUSINESS_REJECTION,
    5: ErrorClass.TRANSIENT,
}
_MAYBE_APPLIED_4XX = frozenset({408})


@dataclass(frozen=True, slots=True)
class Classification:
    """Verdict over one answer.

    ``retryable`` is None where the class decides. ``applied`` is False when the vendor certainly did nothing and
    None when the effect may have happened.
    """

    error_class: ErrorClass
    code: str
    message: str
    retryable: bool | None = None
    applied: bool | None = None


class ActionError(IpaasError):
    """{message}"""

    status = 502
    code = "action_failed"
    title = "Action failed"
    remedy = "See the run's attempt for the request and the vendor's answer."

    def __init__(
        self,
        error_class: ErrorClass,
        code: str,
        message: str,
        *,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        sent: bool = False,
        applied: bool | None = None,
        retryable: bool | None = None,
        response: "ResponseView | None" = None,
    ) -> None:
        """``sent``: a byte of the request may have left. ``applied``: False when the effect certainly did not
        happen, None when it may have. ``retryable``: None where the class decides."""
        self.error_class = error_class
        self.vendor_code = code
        self.message = message
        self.http_status = http_status
        self.retry_after_s = retry_after_s
        self.sent = sent
        self.applied = applied if sent else False
        self.retryable = retryable
        self.response = response
        super().__init__(message=message)


def classes_by_status() -> dict[ErrorClass, list[str]]:
    """The platform's table for people: class → the statuses, or ranges of them, that have it."""
    found: dict[ErrorClass, list[str]] = {}
    for status, one in _BY_STATUS.items():
        found.setdefault(one, []).append(str(status))
    for hundred, one in _BY_CLASS.items():
        found.setdefault(one, []).append(f"other {hundred}xx")
    return found


def default_class(status: int) -> ErrorClass:
    """The platform's class of an HTTP status that no rule covers."""
    return _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, ErrorClass.CONTRACT_VIOLATION)


def classify(
    status: int, headers: Mapping[str, str], body: bytes | Any, rules: Sequence[ErrorRule] = ()
) -> Classification | None:
    """Judge an answer; None means that it is good.

    ``body`` is raw bytes or the parsed JSON value. Header names are lower case.
    """
    value = _parsed(body) if isinstance(body, bytes) else body
    for rule in rules:
        if _matches(rule, status, headers, value):
            return Classification(
                error_class=rule.error_class,
                code=_told(rule.code, value) or f"http_{status}",
                message=_told(rule.message, value) or _default_message(status),
                retryable=rule.retryable,
                applied=rule.applied if rule.applied_given else _applied(status),
            )
    if 200 <= status < 300:
        return None
    return Classification(default_class(status), f"http_{status}", _default_message(status), None, _applied(status))


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds to wait by ``Retry-After``, capped at a day: whole seconds or an HTTP date (RFC 9110 10.2.3), or seconds
    with a fraction, as some vendors send them.

    Anything else, and a date in the past, is None.
    """
    text = headers.get("retry-after", "").strip()
    if told := _SECONDS.fullmatch(text):
        return min(float(told[0]), float(MAX_RETRY_AFTER_S)) if len(told[1]) <= 9 else float(MAX_RETRY_AFTER_S)
    if not text.isascii() or not text.endswith("GMT") or len(text) > 40:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - (now or clock.now())).total_seconds()
    return min(seconds, float(MAX_RETRY_AFTER_S)) if seconds > 0 else None


def _applied(status: int) -> bool | None:
    return False if 300 <= status < 500 and status not in _MAYBE_APPLIED_4XX else None


def _parsed(body: bytes) -> Any:
    if not body:
        return None
    try:
        return loads(body)
    except JsonInvalid:
        return None


def _matches(rule: ErrorRule, status: int, headers: Mapping[str, str], value: Any) -> bool:
    if rule.statuses and status not in rule.statuses:
        return False
    if rule.status_class is not None and status // 100 != rule.status_class:
        return False
    if rule.header and rule.header not in headers:
        return False
    return not rule.path or _body_matches(rule, read_path(value, rule.path))


def _body_matches(rule: ErrorRule, found: Any) -> bool:
    if rule.present is not None:
        return (found is not MISSING and found is not None) == rule.present
    if found is MISSING:
        return False
    if rule.equals and not any(found == one and type(found) is type(one) for one in rule.equals):
        return False
    return not rule.regex or (isinstance(found, str) and bool(_pattern(rule.regex).search(found[:MAX_MATCHED_CHARS])))


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def _told(template: str, value: Any) -> str:
    if not template.startswith("$."):
        return template
    found = read_path(value, template[2:])
    if found is MISSING or found is None or isinstance(found, dict | list):
        return ""
    return str(found)[:_MAX_TOLD_CHARS]


def _default_message(status: int) -> str:
    if 300 <= status < 400:
        return f"The vendor answered {status}: redirects are not followed; correct the base URL or the path."
    return f"The vendor answered {status}."
