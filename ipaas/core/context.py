"""Correlation of everything that belongs together: one id per cause, one W3C trace per path."""

import os
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Trace:
    """A position in a trace, as https://www.w3.org/TR/trace-context/ defines it; ids in lower-case hex."""

    trace_id: str
    span_id: str
    sampled: bool = True

    def child(self) -> "Trace":
        """A new span of the same trace."""
        return Trace(self.trace_id, os.urandom(8).hex(), self.sampled)

    @property
    def traceparent(self) -> str:
        """The header that hands this position on."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
trace: ContextVar[Trace | None] = ContextVar("trace", default=None)
facts: ContextVar[Mapping[str, Any]] = ContextVar("facts", default=MappingProxyType({}))
"""What else every log record of this context tells: the run, its flow, its business ids."""


def new_trace(*, sampled: bool = True) -> Trace:
    """The root of a new trace."""
    return Trace(os.urandom(16).hex(), os.urandom(8).hex(), sampled)


def parse_traceparent(header: str) -> Trace | None:
    """The sender's position, or None for a header that the recommendation says to ignore."""
    match = _TRACEPARENT.fullmatch(header)
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest is not None):
        return None
    if set(trace_id) == {"0"} or set(span_id) == {"0"}:
        return None
    return Trace(trace_id, span_id, bool(int(flags, 16) & 1))
