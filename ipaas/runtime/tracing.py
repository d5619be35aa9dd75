"""Spans of runs and attempts: worked out from what is recorded, so that both can be told of any run at any time."""

import hashlib
from uuid import UUID

from ipaas.core.context import Trace


def run_trace(run_id: UUID, trace_id: str) -> Trace:
    """The span of a run, in the trace of whatever started it."""
    return Trace(trace_id, run_id.hex[-16:])


def attempt_span_id(run_id: UUID, seq: int, number: int) -> str:
    """The span of one attempt: what ``traceparent`` told the other side."""
    return hashlib.blake2b(b"%b/%d/%d" % (run_id.bytes, seq, number), digest_size=8).hexdigest()


def attempt_trace(run: Trace, run_id: UUID, seq: int, number: int) -> Trace:
    return Trace(run.trace_id, attempt_span_id(run_id, seq, number), run.sampled)
