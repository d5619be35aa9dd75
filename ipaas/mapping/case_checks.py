"""The tests of a mapping as a check before it is published."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop

from ipaas.core.document_forms import Finding, pointer
from ipaas.core.document_types import Check, CheckResult
from ipaas.core.phrases import said
from ipaas.mapping.cases import run_cases
from ipaas.mapping.resolving import resolver_of

MOST_TOLD = 20


def check_tests(content: dict[str, Any], _published: dict[str, Any] | None, workspace_id: UUID) -> CheckResult:
    """A test that fails keeps the draft from being published; to have none is only noted."""
    if not content.get("tests"):
        return CheckResult(state="warning", summary=said("the mapping has no tests"))
    found = run_cases(content, resolve=resolver_of(workspace_id))
    if found.problem:
        return CheckResult(state="failed", summary=said("the tests can not run: {why}", why=found.problem))
    if found.passed:
        return CheckResult(state="passed", summary=said("all {count} tests pass", count=len(found.results)))
    details = [
        Finding(
            pointer("tests", number),
            "mapping.test_failed",
            said(
                "the test {name!r} fails: {place}: {message}",
                name=one.name,
                place=one.differences[0].path or "/",
                message=one.differences[0].message,
            ),
        )
        for number, one in enumerate(found.results)
        if not one.passed
    ]
    summary = said("{failed} of {count} tests fail", failed=found.failed, count=len(found.results))
    return CheckResult(state="failed", summary=summary, details=tuple(details[:MOST_TOLD]))


TESTS = Check(name="tests", title=gettext_noop("Tests"), run=check_tests)
