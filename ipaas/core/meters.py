"""Meters of one process, in Prometheus form; labels hold no names of people, ids or payloads."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics_core import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400)

disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped there

RUNS_ENDED = Counter("ipaas_runs_ended", "Runs that came to an end, by flow and status.", ["flow", "status"])
RUN_SECONDS = Histogram("ipaas_run_seconds", "From the start of a run to its end, waits included.", buckets=_LONG)
WORK_CLAIMED = Counter("ipaas_work_claimed", "Pieces of due work claimed.")
LEASES_LAPSED = Counter("ipaas_leases_lapsed", "Leases that ended unreleased: their worker died or was cut off.")
ENGINE_INFLIGHT = Gauge("ipaas_engine_inflight", "Pieces of work under way.")
ATTEMPTS = Counter(
    "ipaas_attempts",
    "Attempts of outbound calls, by connection and class of error.",
    ["connection", "outcome", "class"],
)
DELIVERIES = Counter("ipaas_deliveries", "Deliveries of webhooks, by outcome.", ["outcome"])
ACCEPT_SECONDS = Histogram(
    "ipaas_accept_seconds", "From a delivery to its answer, when it was accepted.", buckets=(0.001, 0.0025, *_SECONDS)
)
REQUESTS = Counter("ipaas_requests", "Requests to pages and API, by view and status.", ["view", "status"])
REQUEST_SECONDS = Histogram("ipaas_request_seconds", "Duration of requests.", ["surface"], buckets=_SECONDS)


def own_families() -> Iterable[Metric]:
    """All meters of this process, with the interpreter's own."""
    return REGISTRY.collect()
