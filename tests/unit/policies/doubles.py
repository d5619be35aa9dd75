"""A call and a transport that tests script."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ipaas.policies.limits.model import LimitSpec
from ipaas.policies.pipeline import Call, Effect, Response
from ipaas.policies.settings import PLATFORM, merge

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
IDS = (UUID(int=1), UUID(int=2))


def call_of(effect: Effect = Effect.KEYED, *, policy: dict[str, Any] | None = None, **fields: Any) -> Call:
    defaults: dict[str, Any] = {
        "operation": "pay",
        "settings": merge(PLATFORM, {}, policy or {}, {}).settings,
        "limits": LimitSpec(*IDS),
        "effect": effect,
        "attempt": 1,
        "first_started_at": NOW,
        "now": NOW,
        "effect_key": b"key",
    }
    return Call(*IDS, **{**defaults, **fields})


class Transport:
    """Asks ``before_send`` like the real one, then answers ``response`` (or what it returns for the call)."""

    def __init__(self, response: Response | Callable[[Call], Response]) -> None:
        self.response = response
        self.calls: list[Call] = []

    async def __call__(self, call: Call) -> Response:
        if call.before_send is not None:
            await call.before_send(b"hash")
        self.calls.append(call)
        return self.response(call) if callable(self.response) else self.response
