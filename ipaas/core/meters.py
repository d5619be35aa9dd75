"""Meters of one process, in Prometheus form; labels hold no names of people, ids or payloads."""

from prometheus_client import Counter, Gauge, generate_latest

RUNS_ENDED = Counter("ipaas_runs_ended", "Runs that came to an end, by flow and status.", ["flow", "status"])
WORK_CLAIMED = Counter("ipaas_work_claimed", "Pieces of due work claimed by this process.")
ENGINE_INFLIGHT = Gauge("ipaas_engine_inflight", "Pieces of work under way in this process.")
DELIVERIES = Counter("ipaas_deliveries", "Deliveries to the ingress, by outcome.", ["outcome"])


def render() -> bytes:
    """All meters of this process in the Prometheus text format."""
    return generate_latest()
