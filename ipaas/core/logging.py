"""The operators' log: one structured record per line, for the product's code and for its libraries alike."""

import logging
import sys
from typing import Any

import structlog

QUIET = ("httpx", "httpcore", "urllib3", "asyncio", "celery.redirected", "amqp", "kombu")


def get_logger(name: str) -> Any:
    """A logger that takes a sentence and facts: ``log.info("run ended", action="run_ended", run_id=…)``."""
    return structlog.stdlib.get_logger(name)


def configure_logging(*, form: str = "json", level: str = "INFO") -> None:
    """Send everything to standard error through one pipeline; ``form`` is ``json`` or ``console``.

    Tracebacks never show local variables, where secrets live.
    """
    tracebacks: structlog.types.Processor = (
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
        if form == "json"
        else structlog.processors.format_exc_info
    )
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        tracebacks,
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
