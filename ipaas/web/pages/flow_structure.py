"""A flow document as people read it: its blocks as an indented structure, its trigger and its contract in words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ipaas.core.durations import duration_in_words, parse_duration
from ipaas.flows.bounds import DEFAULT_DEADLINE_S
from ipaas.flows.form import KINDS, form_findings
from ipaas.web.readmodels import BlockView

Step = Mapping[str, Any]


def structure_of(content: Any) -> list[BlockView]:
    """The blocks of a document; none when its form is not valid, since its structure is then anybody's guess."""
    if not isinstance(content, dict) or form_findings(content):
        return []
    failure = _lane("when the flow failed", content.get("on_failure", ()))
    return [*_blocks(content["steps"]), *failure]


def trigger_in_words(content: Mapping[str, Any]) -> str:
    """``storefront-orders receives order.created``; for a document of valid form."""
    kind, spec = next(iter(content["trigger"].items()))
    if kind == "webhook":
        return f"the endpoint {spec['endpoint']} receives {' or '.join(spec.get('events', ())) or 'anything'}"
    if kind == "schedule":
        return f"the clock says {spec['cron']} ({spec.get('timezone', 'UTC')})"
    if kind == "poll":
        return f"{spec['connection']} has something new for {spec['trigger']}, asked every {_words(spec['every'])}"
    if kind == "event":
        return f"the event {spec['type']} happens" + (f" and {spec['filter']}" if "filter" in spec else "")
    return "somebody starts it by hand or through the API"


def contract_facts(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the flow promises and expects, for a document of valid form."""
    schema = content.get("input", {}).get("schema")
    primary = content["primary_business_id"]
    names = [f"{name} (primary)" if name == primary else name for name in content["business_ids"]]
    failure = content.get("failure", {})
    ends = [f"{name.replace('_', ' ')}: {end.replace('_', ' ')}" for name, end in failure.items() if name != "default"]
    usual = failure.get("default", "dead_letter").replace("_", " ")
    return [
        ("Input", "any" if schema is None else schema if isinstance(schema, str) else "a schema of its own"),
        ("Business ids", ", ".join(names)),
        ("Deadline", _words(content["deadline"]) if "deadline" in content else duration_in_words(DEFAULT_DEADLINE_S)),
        ("After a failure", "; ".join([*ends, f"otherwise {usual}" if ends else usual])),
    ]


def _words(duration: str) -> str:
    try:
        return duration_in_words(parse_duration(duration))
    except ValueError:
        return duration


def _blocks(steps: Sequence[Step]) -> list[BlockView]:
    return [_block(step) for step in steps]


def _block(step: Step) -> BlockView:
    kind = next((name for name in KINDS if name in step), "unknown")
    undo = step.get("compensate", {}).get("call")
    return BlockView(
        id=step["id"],
        title=step.get("title") or step["id"].replace("_", " ").capitalize(),
        kind={"stop": "end"}.get(kind, kind),
        detail=" · ".join(_details(kind, step)),
        compensation=f"{undo['connection']}.{undo['action']}" if undo else "",
        disabled=bool(step.get("disabled")),
        blocks=list(_inside(kind, step)),
    )


def _details(kind: str, step: Step) -> Iterator[str]:
    yield _detail(kind, step.get(kind))
    if "when" in step:
        yield f"only when {step['when']}"
    if "idempotency_key" in step:
        yield f"unique by {step['idempotency_key']}"


def _detail(kind: str, spec: Any) -> str:
    return str(DETAILS[kind](spec))


DETAILS: Mapping[str, Callable[[Any], Any]] = {
    "call": lambda spec: f"{spec['connection']}.{spec['action']}",
    "map": lambda spec: spec.get("mapping") or f"{len(spec.get('fields', ()))} fields written here",
    "validate": lambda spec: spec["schema"] if isinstance(spec["schema"], str) else "a schema written here",
    "branch": lambda _spec: "the first case that is true",
    "parallel": lambda spec: f"{len(spec['branches'])} strands at once",
    "for_each": lambda spec: f"{spec['as']} of {spec['items']}, {spec.get('concurrency', 1)} at once",
    "wait": lambda spec: f"for {_words(spec['for'])}" if "for" in spec else f"until {spec.get('until')}",
    "approval": lambda spec: f"{spec['approvers']} decides within {_words(spec['expires'])}",
    "flow": lambda spec: f"{spec['slug']}{'' if spec.get('wait', True) else ', not waited for'}",
    "emit": lambda spec: spec["type"],
    "stop": lambda spec: spec["status"],
    "unknown": lambda _spec: "does nothing yet",
}


def _inside(kind: str, step: Step) -> Iterator[BlockView]:
    if kind == "branch":
        for case in step["branch"]:
            yield from _lane(f"when {case['when']}", case["steps"])
        yield from _lane("otherwise", step.get("else", {}).get("steps", ()))
    elif kind == "parallel":
        for strand in step["parallel"]["branches"]:
            yield from _lane(str(strand.get("id", "")), strand["steps"])
    elif kind == "for_each":
        yield from _blocks(step["for_each"]["steps"])
    handler = step.get("on_failure")
    if handler:
        classes = ", ".join(handler.get("classes", ())) or "any class"
        then = "the flow goes on" if handler["then"] == "continue" else "the flow fails"
        yield from _lane(f"on failure ({classes}), then {then}", handler.get("steps", ()))


def _lane(name: str, steps: Sequence[Step]) -> list[BlockView]:
    blocks = _blocks(steps)
    return [replace(blocks[0], lane=name), *blocks[1:]] if blocks else []
