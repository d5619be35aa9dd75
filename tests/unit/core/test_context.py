"""Traces and correlation."""

import pytest

from ipaas.core.context import Trace, correlation_id, new_trace, parse_traceparent, trace

GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_round_trip():
    found = parse_traceparent(GOOD)
    assert found == Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)
    assert found.traceparent == GOOD


def test_child_stays_in_the_trace():
    root = new_trace(sampled=False)
    child = root.child()
    assert (child.trace_id, child.sampled) == (root.trace_id, False)
    assert child.span_id != root.span_id
    assert parse_traceparent(child.traceparent) == child


def test_later_versions_are_read_by_their_known_part():
    assert parse_traceparent("cc" + GOOD[2:] + "-what-comes") is not None


@pytest.mark.parametrize(
    "header",
    [
        "", GOOD.upper(), GOOD + "-x", GOOD[:-1], " " + GOOD, GOOD + "\n", "ff" + GOOD[2:],
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
    ],
)  # fmt: skip
def test_bad_headers_start_a_new_trace(header):
    assert parse_traceparent(header) is None


def test_context_starts_empty():
    assert (correlation_id.get(), trace.get()) == ("", None)
