"""Meters of the pipeline. Labels hold no names of people or payloads."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("ipaas_calls", "Outbound calls by outcome.", ["connector", "outcome"])
CALL_SECONDS = Histogram(
    "ipaas_call_seconds",
    "Duration of outbound attempts.",
    ["connector"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
DEFERRALS = Counter("ipaas_call_deferrals", "Calls put off by a limit or a breaker.", ["reason"])
LIMIT_ROUND_TRIPS = Counter("ipaas_limit_round_trips", "Round trips to the shared limits.")
LIMIT_FALLBACKS = Counter("ipaas_limit_fallbacks", "Admissions decided by the local share because Redis was gone.")
LIMITS_SHARED = Gauge("ipaas_limits_shared", "1 while the shared limits answer, 0 while the local share is used.")
LIMITS_SHARED.set(1)
