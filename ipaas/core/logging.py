"""The operators' log: one structured record per line, for the product's code and for its libraries alike.

The last processor before the renderer masks. Of exceptions only those of the product keep their message; of any
other the type and the places are kept, because library messages quote URLs, parameters and payloads.
"""

import json
import logging
import os
import re
import sys
import traceback
from collections import OrderedDict
from collections.abc import Mapping, MutableMapping
from datetime import date, datetime
from decimal import Decimal
from threading import Lock
from typing import Any, Final, TextIO
from uuid import UUID

import structlog

from ipaas.core import context
from ipaas.core.errors import IpaasError
from ipaas.core.redaction import Redactor, SecretValues, scrub_text

QUIET: Final = (
    "httpx", "httpcore", "urllib3", "asyncio", "amqp", "aiokafka", "kombu", "celery.redirected",
    "celery.app.trace", "celery.bootsteps", "celery.worker.strategy",
)  # fmt: skip

MOST_OPENED: Final = 1_000
"""How many values opened from the vault are masked; the ones opened last, which are the ones in use."""

_FRAMES = 12
_CAUSES = 4
_MAX_TEXT = 4_000
_MASK = "‹redacted›"
_USERINFO = re.compile(r"(?<=://)[^\s/@]+@")
_QUERY = re.compile(r"(\w+://[^\s?#]+)\?[^\s#'\"]+")
_SCHEME = re.compile(r"\b(bearer|basic|digest)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

Event = MutableMapping[str, Any]


def get_logger(name: str) -> Any:
    """A logger that takes a sentence and facts: ``log.info("run ended", action="run_ended", run_id=…)``."""
    return structlog.stdlib.get_logger(name)


class _Guard:
    """Masks records; knows the secrets of the process itself and those it has opened."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._lock = Lock()
        self._own: set[str] = set()
        self._opened: OrderedDict[str, None] = OrderedDict()
        self._stale = False
        self._prepare()

    def protect(self, *secrets: str) -> None:
        with self._lock:
            self._own.update(secrets)
            self._stale = True

    def protect_opened(self, *secrets: str) -> None:
        with self._lock:
            for secret in secrets:
                self._stale = self._stale or secret not in self._opened
                self._opened[secret] = None
                self._opened.move_to_end(secret)
            while len(self._opened) > MOST_OPENED:
                self._opened.popitem(last=False)

    def _prepare(self) -> None:
        """Work out the spellings of the values: dear, so only when a record comes after a new value."""
        with self._lock:
            self._values = SecretValues(self._own | self._opened.keys(), fingerprint_key=self._key)
            self._redactor = Redactor(values=self._values, fingerprint_key=self._key)
            self._stale = False

    def renew_lock(self) -> None:
        """In a forked child the lock may be held by a thread that is not there."""
        self._lock = Lock()

    def text(self, text: str) -> str:
        """Masked first, then shortened, then made one line."""
        if self._stale:
            self._prepare()
        masked = _SCHEME.sub(rf"\1 {_MASK}", _QUERY.sub(rf"\1?{_MASK}", _USERINFO.sub(f"{_MASK}@", text)))
        masked = scrub_text(masked, self._values)
        short = masked if len(masked) <= _MAX_TEXT else f"{masked[:_MAX_TEXT]}…"
        return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), short)

    def __call__(self, _logger: Any, _method: str, event: Event) -> Event:
        if self._stale:
            self._prepare()
        shown = self._redactor.redact(_plain(event, 0))
        return {self.text(key): self._texts(value) for key, value in shown.items()}

    def _texts(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self._texts(item) for key, item in value.items()}
        return [self._texts(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any, depth: int) -> Any:
    """A fact as JSON; of an object that is no value only its type is told, for its ``repr`` may tell anything."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | UUID | datetime | date | Decimal):
        return str(value)
    if isinstance(value, BaseException):
        return _exception(value, 0)
    if depth < 4 and isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in list(value.items())[:100]}
    if depth < 4 and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in list(value)[:100]]
    return f"<{type(value).__name__}>"


def _exception(error: BaseException, depth: int) -> dict[str, Any]:
    """Type, places and cause of an exception: never local variables, and a message only of the product's own."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    told: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")}
    if isinstance(error, IpaasError):
        told |= {"message": str(error), "code": error.code}
    if frames:
        told["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth < _CAUSES:
        told["cause"] = _exception(cause, depth + 1)
    return told


def _tell_exception(_logger: Any, _method: str, event: Event) -> Event:
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["failure"] = _exception(error, 0)
    return event


def _add_context(_logger: Any, _method: str, event: Event) -> Event:
    correlation = context.correlation_id.get()
    if correlation:
        event.setdefault("correlation_id", correlation)
    trace = context.trace.get()
    if trace is not None:
        event.setdefault("trace_id", trace.trace_id)
        event.setdefault("span_id", trace.span_id)
    for name, fact in context.facts.get().items():
        event.setdefault(name, fact)
    return event


class _Handler(logging.StreamHandler[TextIO]):
    """Tells of a record that can not be written without telling what is in it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of the base class
        broken = {"event": "a log record could not be written", "logger": record.name, "line": record.lineno}
        self.stream.write(json.dumps(broken) + "\n")


guard: Final = _Guard()


os.register_at_fork(after_in_child=guard.renew_lock)

protect: Final = guard.protect
"""``protect(*secrets)``: mask these values in every record of this process (its own passwords and keys)."""
protect_opened: Final = guard.protect_opened
"""``protect_opened(*secrets)``: the same for values opened from the vault, the last ``MOST_OPENED`` of them."""


def configure_logging(*, form: str = "json", level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send everything to standard error through one pipeline; ``form`` is ``json`` or ``console``."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(formatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def formatter(form: str = "json") -> logging.Formatter:
    """The pipeline as a formatter, for servers that set up loggers of their own."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_shared()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, guard, _renderer(form)],
    )


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        _add_context,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _tell_exception,
    ]


def _renderer(form: str) -> Any:
    if form == "json":
        return structlog.processors.JSONRenderer(sort_keys=False)
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
