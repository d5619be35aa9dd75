"""A scripted stand-in for the gateway: outcomes by step and attempt, and a record of what would have gone out."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ipaas.catalog.gateway import ErrorInfo, GatewayCall, GatewayOutcome
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass
from ipaas.policies.effects import EffectLedger, Intent

Outcome = GatewayOutcome | Callable[[GatewayCall], Any]


def ok(data: Any = None) -> GatewayOutcome:
    return GatewayOutcome(kind="ok", data=data, effect_state="done", status=200)


def retry(code: str = "http_503", after_s: float = 60) -> GatewayOutcome:
    return GatewayOutcome(
        kind="retry",
        error=ErrorInfo(ErrorClass.TRANSIENT, code, "try later", 503, retryable=True),
        due_at=now() + timedelta(seconds=after_s),
        effect_state="failed",
        status=503,
    )


def lost(after_s: float = 60) -> GatewayOutcome:
    """The answer never came: to be tried again, and in doubt until then."""
    return replace(retry("timeout", after_s), effect_state="open", status=None)


def deferred(after_s: float = 60) -> GatewayOutcome:
    error = ErrorInfo(ErrorClass.THROTTLED, "rate_limited", "the bucket is empty", None, retryable=True)
    return GatewayOutcome(kind="deferred", error=error, due_at=now() + timedelta(seconds=after_s))


def failed(error_class: ErrorClass = ErrorClass.BUSINESS_REJECTION, code: str = "rejected") -> GatewayOutcome:
    error = ErrorInfo(error_class, code, "the other side said no", 422)
    return GatewayOutcome(kind="failed", error=error, effect_state="failed", status=422)


def unknown() -> GatewayOutcome:
    error = ErrorInfo(ErrorClass.OUTCOME_UNKNOWN, "outcome_unknown", "the answer was lost")
    return GatewayOutcome(kind="unknown", error=error, effect_state="unknown")


@dataclass
class ScriptedGateway:
    """Answers every call; ``on`` scripts a step. An intent is committed before, and a result recorded is not redone.

    Without a script a call succeeds with ``{"id": "<path>#<item>"}``. The last outcome of a script stays.
    """

    calls: list[GatewayCall] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)
    _scripts: dict[str, list[Outcome]] = field(default_factory=dict)

    def on(self, path: str, *outcomes: Outcome) -> None:
        """Script a step: ``path``, or ``path#item`` for one item of a for-each."""
        self._scripts[path] = list(outcomes)

    def clear(self) -> None:
        self.calls.clear()
        self.recorded.clear()
        self._scripts.clear()

    @property
    def paths(self) -> list[str]:
        """What went out, in order, as ``path`` or ``path#item``."""
        return [_name(call) for call in self.calls]

    async def __call__(self, call: GatewayCall, *, ledger: EffectLedger) -> GatewayOutcome:
        assert call.effect_key is not None
        outcome = self._next(call)
        if isinstance(outcome, GatewayOutcome) and outcome.kind == "deferred":
            return outcome
        known = None if call.fresh else await ledger.lookup(call.effect_key)
        if known is not None and known.state == "done":
            self.recorded.append(_name(call))
            return GatewayOutcome(kind="recorded", data=known.data)
        intent = Intent(effect_key=call.effect_key, request_hash=b"", attempt=call.attempt, takeover=True)
        taken = await ledger.intend(intent)
        if taken.state == "recorded":
            assert taken.recorded is not None
            return GatewayOutcome(kind="recorded", data=taken.recorded.data)
        if taken.state == "open_other":
            return deferred()
        assert taken.state == "fresh", taken
        self.calls.append(call)
        if not isinstance(outcome, GatewayOutcome):
            outcome = await outcome(call)
        return outcome

    def _next(self, call: GatewayCall) -> Outcome:
        script = self._scripts.get(_name(call)) or self._scripts.get(call.step_path)
        if not script:
            return ok({"id": _name(call)})
        return script.pop(0) if len(script) > 1 else script[0]


def _name(call: GatewayCall) -> str:
    return f"{call.step_path}#{call.item}" if call.item else call.step_path
