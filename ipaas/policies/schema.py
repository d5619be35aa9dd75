"""The policy object as people write it (connection settings, step policies, connector manifests)."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any, Literal

import jsonschema_rs

from ipaas.core.errors import InvalidInput
from ipaas.policies.settings import PLATFORM

JSON = Any


def _number(text: str, *, above: float | None = None, low: float | None = None, high: float | None = None) -> JSON:
    bounds = {"exclusiveMinimum": above, "minimum": low, "maximum": high}
    return {"type": "number", "description": text, **{key: value for key, value in bounds.items() if value is not None}}


def _count(text: str, low: int, high: int) -> JSON:
    return {"type": "integer", "minimum": low, "maximum": high, "description": text}


def _group(text: str, properties: JSON, *, nullable: bool = False, required: tuple[str, ...] = ()) -> JSON:
    return {
        "type": ["object", "null"] if nullable else "object",
        "description": text,
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


CONNECTION_SCHEMA: Mapping[str, JSON] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:ipaas:policy",
    "title": "Policy",
    "description": "How calls over a connection are protected. Every value is optional; what is left out comes from "
    "the level below: platform, connector, connection, step.",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "retry": _group(
            "When a failed attempt is made again. Only errors of a retryable class are; an effect that may have "
            "happened is never repeated unless the other side recognises repetitions.",
            {
                "max_attempts": _count("Attempts in all, the first included.", 1, 50),
                "base_s": _number(
                    "Upper bound of the first delay in seconds; it doubles each time.", above=0, high=3600
                ),
                "cap_s": _number(
                    "Longest delay in seconds; also bounds what Retry-After may ask.", above=0, high=86400
                ),
                "budget_s": _number("Seconds after the first attempt in which a retry may begin.", low=0, high=2592000),
                "doubt_s": _number(
                    "Seconds after the first attempt in which an effect that may have happened is settled although no "
                    "attempt is left: repeated with its key, or looked up; then an operator is asked. Keep it below "
                    "the time for which the provider remembers keys.",
                    low=0,
                    high=2592000,
                ),
            },
        ),
        "timeout_s": _number("Seconds for one attempt in all: connect, TLS, send and receive.", above=0, high=600),
        "rate": _group(
            "Token bucket, shared by all processes. In a step: a further bucket for this step alone.",
            {
                "per_second": _number("Calls per second that flow in.", above=0, high=100000),
                "burst": _count(
                    "Calls that may be made at once after a pause; default: one second's worth.", 1, 100000
                ),
                "daily_quota": {
                    "type": ["integer", "null"],
                    "minimum": 1,
                    "description": "Calls per day (UTC).",
                },
            },
            nullable=True,
            required=("per_second",),
        ),
        "concurrency": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": 1000,
            "description": "Calls under way at once, over all processes; null: no cap.",
        },
        "breaker": _group(
            "Stops calling a side that fails, lets probes through after a while, then drains gradually; null: off.",
            {
                "window_s": _number("Seconds over which failures are counted.", low=1, high=3600),
                "min_calls": _count("Calls in the window below which nothing is decided.", 1, 100000),
                "failure_ratio": _number("Share of failures at which it opens.", above=0, high=1),
                "open_s": _number(
                    "Seconds it stays open; doubles with each failed probing, at most eightfold.", above=0, high=3600
                ),
                "half_open_probes": _count("Calls let through to see whether the other side is back.", 1, 100),
                "ramp_s": _number("Seconds of gradual draining after it recovered.", low=0, high=600),
            },
            nullable=True,
        ),
        "capture": _group(
            "Which payloads the journal keeps, sealed.",
            {
                "request": {
                    "type": "boolean",
                    "description": "Keep requests; without them a step cannot be inspected.",
                },
                "response": {"type": "boolean", "description": "Keep responses."},
            },
        ),
    },
}
"""JSON Schema of a connection's policy."""

_SHARED_ONLY = ("concurrency", "breaker")


def _step_schema() -> JSON:
    schema = deepcopy(dict(CONNECTION_SCHEMA))
    schema["$id"] = "urn:ipaas:step-policy"
    schema["title"] = "Step policy"
    for name in _SHARED_ONLY:
        del schema["properties"][name]
    return schema


STEP_SCHEMA: Mapping[str, JSON] = _step_schema()
"""JSON Schema of a step's policy: concurrency and breaker belong to the connection and are not offered."""


@cache
def _validator(level: Literal["connection", "step"]) -> jsonschema_rs.Draft202012Validator:
    schema = CONNECTION_SCHEMA if level == "connection" else STEP_SCHEMA
    return jsonschema_rs.Draft202012Validator(dict(schema))


def check_policy(value: JSON, level: Literal["connection", "step"] = "connection") -> None:
    """Raise InvalidInput with the place of every fault."""
    errors = [
        {
            "path": "/".join(str(part) for part in error.instance_path),
            "code": "policy.invalid",
            "message": error.message,
        }
        for error in _validator(level).iter_errors(value)
    ]
    if errors:
        raise InvalidInput(errors)


def reference_page() -> str:
    """The reference page of the policy object, in Markdown."""
    lines = [
        "# Policies",
        "",
        str(CONNECTION_SCHEMA["description"]),
        "",
        "| setting | meaning | range | default |",
        "|---|---|---|---|",
    ]
    for path, node in _leaves(CONNECTION_SCHEMA["properties"], ""):
        lines.append(f"| `{path}` | {node['description']} | {_range(node)} | {_default(path)} |")
    lines += [
        "",
        "A step may set "
        + ", ".join(f"`{name}`" for name in STEP_SCHEMA["properties"])
        + "; `concurrency` and `breaker` are shared by all steps and belong to the connection.",
        "",
    ]
    return "\n".join(lines)


def _leaves(properties: JSON, prefix: str) -> list[tuple[str, JSON]]:
    found: list[tuple[str, JSON]] = []
    for name, node in properties.items():
        path = f"{prefix}{name}"
        found.append((path, node))
        found += _leaves(node.get("properties", {}), f"{path}.")
    return found


def _range(node: JSON) -> str:
    low = (
        f"> {node['exclusiveMinimum']}"
        if "exclusiveMinimum" in node
        else f"≥ {node['minimum']}"
        if "minimum" in node
        else ""
    )
    high = f"≤ {node['maximum']}" if "maximum" in node else ""
    return ", ".join(part for part in (low, high) if part)


def _default(path: str) -> str:
    value: JSON = PLATFORM
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return ""
        value = value[part]
    if isinstance(value, Mapping):
        return ""
    return "off" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def policy_leaves() -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every setting of a connection's policy, as its path and its schema."""
    for name, node in CONNECTION_SCHEMA["properties"].items():
        if "properties" in node:
            yield from (((name, key), leaf) for key, leaf in node["properties"].items())
        else:
            yield (name,), node
