"""Outermost: counts and times every attempt."""

import time

from ipaas.policies.meters import CALL_SECONDS, CALLS
from ipaas.policies.pipeline import Call, CallNext, Response


class ObservePolicy:
    """One per connector; the label of its meters is the connector's slug."""

    def __init__(self, connector: str) -> None:
        self._seconds = CALL_SECONDS.labels(connector)
        self._outcomes = {
            kind: CALLS.labels(connector, kind) for kind in ("ok", "recorded", "retry", "deferred", "failed", "unknown")
        }

    async def __call__(self, call_next: CallNext, call: Call) -> Response:
        started = time.perf_counter()
        response = await call_next(call)
        self._outcomes[response.kind].inc()
        if response.kind not in ("deferred", "recorded"):
            self._seconds.observe(time.perf_counter() - started)
        return response
