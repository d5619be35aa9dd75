"""What the log tells, and what it never does."""

import io
import json
import logging
import warnings
from uuid import UUID

import pytest
import structlog

from ipaas.core import context
from ipaas.core.errors import NotFound
from ipaas.core.logging import _Handler, configure_logging, get_logger, guard, protect

SECRET = "hunter2-hunter2"


@pytest.fixture(params=["json", "console"])
def form(request):
    return request.param


@pytest.fixture
def written(form):
    """A function that gives the lines logged so far; logging is as before afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging(form=form, level="INFO", stream=stream)
    yield lambda: stream.getvalue().splitlines()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail_with(error):
    local_variable = SECRET
    raise error from ValueError(f"inner {local_variable}")


def test_record_is_one_line_with_its_facts(written):
    get_logger("ipaas.test").info(
        "run ended\nforged line", action="run_ended", run_id=UUID(int=1), note="a\x1b[31m\r\nb\u2028"
    )
    (line,) = written()
    for fact in ("run_ended", "00000000-0000-0000-0000-000000000001", "ipaas.test", "info"):
        assert fact in line
    assert "\x1b[31m" not in line


@pytest.mark.parametrize("form", ["json"], indirect=True)
def test_record_is_json(written):
    get_logger("ipaas.test").warning("told", count=2, items=("a", 1.5), obj=object())
    logging.getLogger("library").warning("said %s", "this", extra={"lane": "bulk"})
    own, foreign = map(json.loads, written())
    assert {key: own[key] for key in own if key != "timestamp"} == {
        "event": "told",
        "count": 2,
        "items": ["a", 1.5],
        "obj": "<object>",
        "logger": "ipaas.test",
        "level": "warning",
    }
    assert own["timestamp"].endswith("Z")
    assert (foreign["event"], foreign["lane"], foreign["logger"]) == ("said this", "bulk", "library")


@pytest.mark.parametrize("source", ["own", "library"])
def test_exceptions_tell_type_and_place_but_nothing_of_libraries(written, source):
    log = get_logger("ipaas.test") if source == "own" else logging.getLogger("library")
    try:
        fail_with(RuntimeError(f"GET https://user:{SECRET}@host/?token={SECRET}"))
    except RuntimeError:
        log.exception("it failed")
    (line,) = written()
    assert "RuntimeError" in line
    assert "ValueError" in line
    assert "fail_with" in line
    assert SECRET not in line


def test_own_exceptions_keep_their_message(written):
    log = get_logger("ipaas.test")
    try:
        fail_with(NotFound("flow"))
    except NotFound as error:
        log.warning("not there", exc_info=error)
        log.warning("not there", error=error)
    for line in written():
        assert "There is no flow with this identity here." in line
        assert SECRET not in line


def test_secrets_are_masked_wherever_they_stand(written):
    protect("process-own-key")
    log = get_logger("ipaas.test")
    log.info("calling https://bob:pw12345@example.org/x?sig=abcdef#top")
    log.info("Authorization: Bearer abcdef123456", headers={"Authorization": "Basic Zm9vOmJhcg=="}, password=SECRET)
    log.info("kek is process-own-key", nested=[{"api_key": "k1234567"}], **{"process-own-key": 1})
    logging.getLogger("library").warning("args %r", {"url": "redis://:pw12345@host/0", "k": "process-own-key"})
    text = "\n".join(written())
    for secret in ("pw12345", "abcdef", SECRET, "Zm9v", "process-own-key", "k1234567"):
        assert secret not in text
    assert "example.org/x" in text


def test_masking_comes_before_shortening():
    protect("z" * 40)
    assert "zzz" not in guard.text("a" * 3_980 + "z" * 40)


def test_correlation_is_on_every_record(written):
    token, trace_token = context.correlation_id.set("corr-1"), context.trace.set(context.new_trace())
    get_logger("ipaas.test").info("one")
    logging.getLogger("library").warning("two")
    trace_id = context.trace.get().trace_id
    context.correlation_id.reset(token)
    context.trace.reset(trace_token)
    assert all("corr-1" in line and trace_id in line for line in written())
    assert len(written()) == 2


def test_chatty_libraries_are_quiet(written):
    for name in ("httpx", "httpcore.connection", "celery.app.trace"):
        logging.getLogger(name).info("GET https://host/?token=%s", SECRET)
    get_logger("ipaas.test").debug("too fine")
    assert written() == []


def test_warnings_and_broken_records_reach_the_log_safely(written, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old way", UserWarning, stacklevel=1)
    (handler,) = (each for each in logging.getLogger().handlers if isinstance(each, _Handler))
    handler.handle(logging.LogRecord("library", logging.WARNING, __file__, 1, "%d", (SECRET,), None))
    old_way, broken = written()
    assert "old way" in old_way
    assert json.loads(broken)["logger"] == "library"
    assert SECRET not in broken + capsys.readouterr().err
