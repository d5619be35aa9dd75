"""Classifying answers and reading Retry-After."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import MAX_RETRY_AFTER_S, ActionError, classify, default_class, retry_after
from ipaas.sdk.manifest import ErrorRule

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("99999999999999999999", float(MAX_RETRY_AFTER_S)),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120.0),
        ("Fri, 01 Mar 2999 12:02:00 GMT", float(MAX_RETRY_AFTER_S)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", None),
        ("-1", None),
        ("2.0", 2.0),
        ("0.25", 0.25),
        ("99999999999999999999.9", float(MAX_RETRY_AFTER_S)),
        ("1.", None),
        (".5", None),
        ("1e3", None),
        ("٧", None),
        ("soon", None),
        ("", None),
        ("Sun, 99 Foo 2026 12:02:00 GMT", None),
        ("7, 8", None),
    ],
)
def test_retry_after_takes_seconds_or_a_date_and_nothing_else(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, now=NOW) == seconds


@given(st.text(max_size=60))
def test_retry_after_never_raises(text: str) -> None:
    found = retry_after({"retry-after": text}, now=NOW)
    assert found is None or 0 <= found <= MAX_RETRY_AFTER_S


@pytest.mark.parametrize(
    ("status", "expected", "applied"),
    [
        (301, ErrorClass.CONFIGURATION, False),
        (400, ErrorClass.CONTRACT_VIOLATION, False),
        (401, ErrorClass.AUTH, False),
        (403, ErrorClass.AUTH, False),
        (404, ErrorClass.NOT_FOUND, False),
        (408, ErrorClass.TIMEOUT, None),
        (409, ErrorClass.CONFLICT, False),
        (418, ErrorClass.BUSINESS_REJECTION, False),
        (422, ErrorClass.BUSINESS_REJECTION, False),
        (429, ErrorClass.THROTTLED, False),
        (500, ErrorClass.TRANSIENT, None),
        (503, ErrorClass.TRANSIENT, None),
        (504, ErrorClass.TIMEOUT, None),
        (599, ErrorClass.TRANSIENT, None),
    ],
)
def test_the_platform_table_classes_what_no_rule_covers(
    status: int, expected: ErrorClass, applied: bool | None
) -> None:
    verdict = classify(status, {}, b"")
    assert verdict is not None
    assert (verdict.error_class, verdict.applied) == (expected, applied)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_good_status_is_good(status: int) -> None:
    assert classify(status, {}, b"{}") is None


def test_every_status_has_a_class() -> None:
    assert all(isinstance(default_class(status), ErrorClass) for status in range(100, 1000))


RULES = (
    ErrorRule(ErrorClass.THROTTLED, path="error.code", regex="^quota", code="$.error.code", message="Wait"),
    ErrorRule(ErrorClass.BUSINESS_REJECTION, statuses=frozenset({200}), path="ok", equals=(False,), code="$.why"),
    ErrorRule(ErrorClass.CONFLICT, status_class=4, header="x-conflict", retryable=True),
    ErrorRule(ErrorClass.CONFIGURATION, path="errors.0.field", present=True, applied=False, applied_given=True),
)


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (200, {}, b'{"error":{"code":"quota_day"}}', ErrorClass.THROTTLED),
        (200, {}, b'{"ok":false,"why":"blocked"}', ErrorClass.BUSINESS_REJECTION),
        (200, {}, b'{"ok":0}', None),
        (200, {}, b'{"ok":true}', None),
        (201, {}, b'{"ok":false}', None),
        (418, {"x-conflict": "1"}, b"", ErrorClass.CONFLICT),
        (500, {"x-conflict": "1"}, b"", ErrorClass.TRANSIENT),
        (500, {}, b'{"errors":[{"field":"a"}]}', ErrorClass.CONFIGURATION),
        (500, {}, b'{"errors":[{"field":null}]}', ErrorClass.TRANSIENT),
        (500, {}, b"not json", ErrorClass.TRANSIENT),
        (500, {}, b"\xff\xfe", ErrorClass.TRANSIENT),
        (200, {}, b'{"error":{"code":["quota"]}}', None),
    ],
)
def test_rules_judge_status_header_and_body(
    status: int, headers: dict[str, str], body: bytes, expected: ErrorClass | None
) -> None:
    verdict = classify(status, headers, body, RULES)
    assert (verdict.error_class if verdict else None) == expected


def test_code_and_message_come_out_of_the_body() -> None:
    verdict = classify(200, {}, b'{"ok":false,"why":"blocked"}', RULES)
    assert verdict is not None
    assert verdict.code == "blocked"
    assert "200" in verdict.message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda s: st.lists(s) | st.dictionaries(st.sampled_from(["ok", "error", "code", "errors"]), s),
    )
)
def test_no_body_breaks_the_rules(body: Any) -> None:
    classify(500, {}, body, RULES)


def test_what_was_not_sent_was_not_applied() -> None:
    assert ActionError(ErrorClass.TRANSIENT, "c", "m", sent=False, applied=None).applied is False
    assert ActionError(ErrorClass.TRANSIENT, "c", "{braces}", sent=True).detail == "{braces}"
