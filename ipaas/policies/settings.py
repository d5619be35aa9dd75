"""Settings of the pipeline and their merging: platform < connector < connection < step."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from ipaas.core.errors import InvalidInput

Level = Literal["platform", "connector", "connection", "step"]
PolicyObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """Backoff with full jitter: the n-th delay is drawn from 0 to ``base_s * 2**(n-1)``, at most ``cap_s``.

    ``doubt_s`` holds for effects that may have happened and that the other side recognises: see ``retry.decide``.
    """

    max_attempts: int = 5
    base_s: float = 1.0
    cap_s: float = 300.0
    budget_s: float = 86_400.0
    doubt_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class RateSettings:
    """Token bucket of a connection (or of one step): ``per_second`` flow in, ``burst`` is its size."""

    per_second: float
    burst: int = 1
    daily_quota: int | None = None


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """Opens when ``failure_ratio`` of at least ``min_calls`` in ``window_s`` failed.

    Stays open for ``open_s`` (doubled with each failed probing, at most eightfold), then lets ``half_open_probes``
    through: it opens again as soon as ``failure_ratio`` of them failed, else drains at a doubling pace for ``ramp_s``.
    """

    window_s: float = 30.0
    min_calls: int = 20
    failure_ratio: float = 0.5
    open_s: float = 15.0
    half_open_probes: int = 3
    ramp_s: float = 10.0


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """Which payloads the journal keeps (sealed); the redacted view in the pages comes from them."""

    request: bool = True
    response: bool = True


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """The settings that hold for one call. ``None`` switches a policy off."""

    retry: RetrySettings = RetrySettings()
    timeout_s: float = 30.0
    rate: RateSettings | None = None
    step_rate: RateSettings | None = None
    concurrency: int | None = None
    breaker: BreakerSettings | None = BreakerSettings()
    capture: CaptureSettings = CaptureSettings()


@dataclass(frozen=True, slots=True)
class Effective:
    """Merged settings with the level that each value (by dotted path) comes from."""

    settings: PolicySettings
    origins: Mapping[str, Level]


PLATFORM: PolicyObject = MappingProxyType(
    {
        "retry": {"max_attempts": 5, "base_s": 1.0, "cap_s": 300.0, "budget_s": 86_400.0, "doubt_s": 3600.0},
        "timeout_s": 30.0,
        "rate": None,
        "concurrency": None,
        "breaker": {
            "window_s": 30.0,
            "min_calls": 20,
            "failure_ratio": 0.5,
            "open_s": 15.0,
            "half_open_probes": 3,
            "ramp_s": 10.0,
        },
        "capture": {"request": True, "response": True},
    }
)
"""Defaults of the platform."""

_GROUPS: Mapping[str, type] = {
    "retry": RetrySettings,
    "rate": RateSettings,
    "breaker": BreakerSettings,
    "capture": CaptureSettings,
}


def merge(platform: PolicyObject, connector: PolicyObject, connection: PolicyObject, step: PolicyObject) -> Effective:
    """Later levels win, value by value; ``null`` for rate, concurrency or breaker switches it off.

    A step's ``rate`` does not replace the connection's: it is a bucket of its own on top (``step_rate``), since
    the connection's limit protects the other side from all steps together. Raises InvalidInput when the merged
    values contradict each other.
    """
    values: dict[str, Any] = {}
    origins: dict[str, Level] = {}
    levels: tuple[tuple[Level, PolicyObject], ...] = (
        ("platform", platform),
        ("connector", connector),
        ("connection", connection),
    )
    for level, source in levels:
        _overlay(values, origins, source, level)
    shared_rate, values["step_rate"] = values.get("rate"), None
    step_values = {key: value for key, value in step.items() if key != "rate"}
    _overlay(values, origins, step_values, "step")
    if step.get("rate") is not None:
        values["step_rate"] = dict(step["rate"])
        origins["step_rate"] = "step"
    values["rate"] = shared_rate
    return Effective(_build(values), MappingProxyType(origins))


def _overlay(values: dict[str, Any], origins: dict[str, Level], source: PolicyObject, level: Level) -> None:
    for name, value in source.items():
        if name in _GROUPS and value is not None:
            values[name] = {**(values.get(name) or {}), **value}
            for key in value:
                origins[f"{name}.{key}"] = level
            origins.pop(name, None)
            continue
        for path in [path for path in origins if path.startswith(f"{name}.")]:
            del origins[path]
        values[name] = value
        origins[name] = level


def _build(values: Mapping[str, Any]) -> PolicySettings:
    built = {name: _group(name, values.get(name)) for name in ("retry", "rate", "breaker", "capture")}
    step_rate = _group("rate", values.get("step_rate"))
    settings = PolicySettings(
        retry=built["retry"] or RetrySettings(max_attempts=1),
        timeout_s=float(values["timeout_s"]),
        rate=built["rate"],
        step_rate=step_rate,
        concurrency=values.get("concurrency"),
        breaker=built["breaker"],
        capture=built["capture"] or CaptureSettings(request=False, response=False),
    )
    if settings.retry.cap_s < settings.retry.base_s:
        raise InvalidInput(
            [{"path": "retry.cap_s", "code": "policy.cap_below_base", "message": "is below retry.base_s"}]
        )
    return settings


def _group(name: str, value: Mapping[str, Any] | None) -> Any:
    if value is None:
        return None
    kind = _GROUPS[name]
    known = {item.name for item in fields(kind)}
    picked = {key: float(item) if isinstance(item, Decimal) else item for key, item in value.items() if key in known}
    if kind is RateSettings:
        picked.setdefault("burst", max(1, round(picked["per_second"])))
    return kind(**picked)
