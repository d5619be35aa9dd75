"""Errors that say what happened, where, and what to do next."""

import pytest

from ipaas.core import errors
from ipaas.core.errors import InvalidInput, IpaasError, NotFound, PermissionDenied, RateLimited


class Sample(IpaasError):
    """The {what} has
    two lines.

    This paragraph is for developers.
    """

    status = 409
    code = "sample"
    title = "Sample"
    remedy = "Look at {what}."


def test_problem_says_all():
    assert Sample(what="{thing}").as_problem(instance="/x", trace_id="ab") == {
        "type": "/docs/reference/errors#sample",
        "title": "Sample",
        "status": 409,
        "detail": "The {thing} has two lines.",
        "code": "sample",
        "remedy": "Look at {thing}.",
        "instance": "/x",
        "trace_id": "ab",
    }


def test_invalid_input_counts_and_lists():
    findings = [{"path": "a.b", "code": "x", "message": "is wrong"}, {"path": "c", "code": "y", "message": "too"}]
    error = InvalidInput(findings)
    assert error.detail == "The input is not valid: a.b: is wrong (and 1 more)"
    assert error.as_problem()["errors"] == findings
    assert "no detail" in InvalidInput([]).detail


def test_parameters_are_part_of_the_message():
    assert str(NotFound("flow")) == "There is no flow with this identity here."
    assert "30 s" in str(RateLimited(retry_after_s=30))
    assert "flows.edit" in str(PermissionDenied(permission="flows.edit"))


@pytest.mark.parametrize("name", [each for each in dir(errors) if isinstance(getattr(errors, each), type)])
def test_every_error_has_a_status_and_a_code(name):
    kind = getattr(errors, name)
    if issubclass(kind, IpaasError):
        assert 400 <= kind.status < 600
        assert kind.code
        assert kind.title
