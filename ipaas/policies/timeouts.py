"""One deadline around an attempt: connect, TLS, send, receive and whatever the connector does between."""

import asyncio

from ipaas.core.errors import ErrorClass
from ipaas.policies.pipeline import Call, CallNext, Failure, Response


class TimeoutPolicy:
    """Sets ``Call.deadline`` (in the loop's time), never after the run's deadline, and enforces it."""

    async def __call__(self, call_next: CallNext, call: Call) -> Response:
        limit = call.settings.timeout_s
        remaining = call.remaining_s
        if remaining is not None and remaining < limit:
            limit = remaining
        if limit <= 0:
            late = Failure(ErrorClass.TIMEOUT, "run_deadline", "The run's deadline has passed.", retryable=False)
            return Response("failed", error=late)
        call.deadline = asyncio.get_running_loop().time() + limit
        try:
            async with asyncio.timeout_at(call.deadline) as scope:
                call.scope = scope
                return await call_next(call)
        except TimeoutError:
            if not scope.expired():
                raise
        finally:
            call.scope = None
        call.note("timeout", "expired", limit_s=round(limit, 3))
        failure = Failure(ErrorClass.TIMEOUT, "timeout", f"No complete answer within {limit:g} s.", sent=call.sent)
        return Response("failed", error=failure)
