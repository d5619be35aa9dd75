"""From a published flow document to its plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from ipaas.contracts.contract_document import EDGES
from ipaas.contracts.validators import CompiledValidator
from ipaas.core.document_forms import exact
from ipaas.core.durations import parse_duration
from ipaas.core.errors import ErrorClass
from ipaas.core.redaction import PUBLIC, is_sensitive_key
from ipaas.expressions import Expression, ValueTemplate, compile_expression, compile_value
from ipaas.flows import blocks
from ipaas.flows.blocks import Amount, Block, Edge, FailureEnd, FailureHandler, Plan, Trigger
from ipaas.flows.bounds import DEFAULT_DEADLINE_S, DEFAULT_MAX_ITEMS
from ipaas.flows.form import kind_of
from ipaas.flows.walk import Step
from ipaas.mapping.engine import CompiledMapping

DEFAULT_BODY = "trigger.body"


class Resolve(Protocol):
    """Finds what a flow refers to by ``slug@version``."""

    def mapping(self, reference: str) -> CompiledMapping: ...

    def schema(self, reference: str) -> CompiledValidator: ...

    def contract(self, reference: str) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which version a plan is of."""

    version_id: UUID
    number: int
    sha256: str


def compile(content: Mapping[str, Any], *, resolve: Resolve, identity: Identity) -> Plan:  # noqa: A001 - plan.compile
    """Compile a published (so: valid and settled) flow document."""
    index: dict[str, Block] = {}
    build = _Builder(resolve, index)
    steps = build.steps(content["steps"], "")
    on_failure = build.steps(content.get("on_failure", ()), "on_failure/")
    edges = _edges(content, resolve)
    validator = edges["input"].validator if "input" in edges else None
    ids = {name: compile_expression(text) for name, text in content["business_ids"].items()}
    redaction = _redaction(validator, index)
    return Plan(
        flow_slug=content["slug"],
        title=content["title"],
        version_id=identity.version_id,
        number=identity.number,
        sha256=identity.sha256,
        trigger=compile_trigger(content["trigger"]),
        business_ids=ids,
        primary=content["primary_business_id"],
        failure=failure_table(content.get("failure", {})),
        deadline_s=parse_duration(content["deadline"]) if "deadline" in content else DEFAULT_DEADLINE_S,
        steps=steps,
        on_failure=on_failure,
        blocks=index,
        input=edges.get("input"),
        output=edges.get("output"),
        amount=_amount(content.get("amount"), redaction),
        redaction=redaction,
        private_ids=_private(ids, redaction),
    )


def _edges(content: Mapping[str, Any], resolve: Resolve) -> dict[str, Edge]:
    """Those of the flow's contract, or the input schema that the flow names itself."""
    if "contract" not in content:
        schema = content["input"]["schema"] if "input" in content else None
        return {} if schema is None else {"input": Edge(name="input", validator=resolve.schema(schema))}
    reference = content["contract"]
    contract = resolve.contract(reference)
    return {
        name: Edge(
            name=name, validator=resolve.schema(contract[name]["schema"]), contract=reference, settings=contract[name]
        )
        for name in EDGES
        if name in contract
    }


def failure_table(table: Mapping[str, FailureEnd]) -> dict[ErrorClass, FailureEnd]:
    """The end of a run for every error class."""
    default = table.get("default", "dead_letter")
    return {error_class: table.get(error_class.value, default) for error_class in ErrorClass}


def compile_trigger(trigger: Mapping[str, Any]) -> Trigger:
    kind, spec = next(iter(trigger.items()))
    if kind == "webhook":
        return blocks.WebhookTrigger(endpoint=spec["endpoint"], events=frozenset(spec.get("events", ())))
    if kind == "schedule":
        missed = spec.get("missed", "once")
        return blocks.ScheduleTrigger(cron=spec["cron"], timezone=spec.get("timezone", "UTC"), missed=missed)
    if kind == "poll":
        every = parse_duration(spec["every"])
        return blocks.PollTrigger(connection=spec["connection"], trigger=spec["trigger"], every_s=every)
    if kind == "event":
        return blocks.EventTrigger(type=spec["type"], filter=_optional(spec, "filter"))
    return blocks.ManualTrigger()


def _optional(spec: Mapping[str, Any], key: str) -> Expression | None:
    return compile_expression(spec[key]) if key in spec else None


def _value(tree: Any) -> ValueTemplate:
    return compile_value(exact(tree))


def _redaction(validator: CompiledValidator | None, index: Mapping[str, Block]) -> dict[str, str]:
    """Sensitive places of the scope: those of the input schema, and of the values that validate steps let through."""
    found = {} if validator is None else _under(DEFAULT_BODY, validator.sensitive)
    for block in index.values():
        if isinstance(block, blocks.ValidateBlock):
            found.update(_under(f"steps.{block.id}.output", block.validator.sensitive))
            if block.value.text in block.value.names:  # the value is a place of the scope, not something computed
                found.update(_under(block.value.text, block.validator.sensitive))
    return found


def _private(ids: Mapping[str, Expression], redaction: Mapping[str, str]) -> dict[str, bool]:
    """Business ids that read a sensitive place, a part of one (True), or something that such a place is part of."""
    places = [tuple(path.split(".")) for path, label in redaction.items() if label != PUBLIC and "." in path]
    found: dict[str, bool] = {}
    for name, expression in ids.items():
        for path in expression.paths:
            if any(is_sensitive_key(part) for part in path[2:]):
                found[name] = True
            for place in places:
                if all(wanted in ("*", step) for wanted, step in zip(place, path, strict=False)):
                    found[name] = found.get(name, False) or len(place) <= len(path)
    return found


def _amount(spec: Mapping[str, str] | None, redaction: Mapping[str, str]) -> Amount | None:
    """None also where a classified field would be added up readable."""
    parts = {} if spec is None else {name: compile_expression(text) for name, text in spec.items()}
    return None if not parts or _private(parts, redaction) else Amount(**parts)


def _under(prefix: str, paths: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}.{path}" if path else prefix: label for path, label in paths.items()}


class _Builder:
    """Builds blocks and notes each in ``index`` by its path."""

    def __init__(self, resolve: Resolve, index: dict[str, Block]) -> None:
        self.resolve = resolve
        self.index = index
        self.kinds: dict[str, Callable[[Step, str], dict[str, Any]]] = {
            "call": self._call,
            "map": self._map,
            "validate": self._validate,
            "branch": self._branch,
            "parallel": self._parallel,
            "for_each": self._for_each,
            "wait": self._wait,
            "approval": self._approval,
            "flow": self._subflow,
            "emit": self._emit,
            "stop": self._stop,
        }

    def steps(self, steps: Any, prefix: str) -> tuple[Block, ...]:
        return tuple(self.block(step, prefix + step["id"]) for step in steps)

    def block(self, step: Step, path: str) -> Block:
        kind = kind_of(step)
        own = self.kinds[kind](step, path)
        block = _CLASSES[kind](
            id=step["id"],
            path=path,
            title=step.get("title") or words(step["id"]),
            when=_optional(step, "when"),
            disabled=step.get("disabled", False),
            on_failure=self._handler(step, path),
            **own,
        )
        self.index[path] = block
        return block

    def _handler(self, step: Step, path: str) -> FailureHandler | None:
        if "on_failure" not in step:
            return None
        spec = step["on_failure"]
        return FailureHandler(
            classes=frozenset(ErrorClass(name) for name in spec.get("classes", ())),
            steps=self.steps(spec.get("steps", ()), f"{path}/on_failure/"),
            then=spec["then"],
        )

    def _call(self, step: Step, path: str) -> dict[str, Any]:
        own = _call_fields(step)
        if "compensate" not in step:
            return own
        undo = blocks.CallBlock(
            id=step["id"],
            path=f"{path}~undo",
            title=f"Undo {(step.get('title') or words(step['id'])).lower()}",
            **_call_fields(step["compensate"]),
        )
        self.index[undo.path] = undo
        return {**own, "compensate": undo}

    def _map(self, step: Step, _path: str) -> dict[str, Any]:
        spec = step["map"]
        mapping = self.resolve.mapping(spec["mapping"])
        return {
            "mapping": mapping,
            "mapping_version_id": mapping.version_id,
            "mapping_sha256": mapping.sha256,
            "input": _value(spec["input"]) if "input" in spec else None,
        }

    def _validate(self, step: Step, _path: str) -> dict[str, Any]:
        spec = step["validate"]
        validator = self.resolve.schema(spec["schema"])
        return {
            "validator": validator,
            "schema_version_id": validator.version_id,
            "schema_sha256": validator.sha256,
            "value": compile_expression(spec.get("value", DEFAULT_BODY)),
        }

    def _branch(self, step: Step, path: str) -> dict[str, Any]:
        return {
            "cases": tuple(
                blocks.BranchCase(when=compile_expression(case["when"]), steps=self.steps(case["steps"], f"{path}/"))
                for case in step["branch"]
            ),
            "otherwise": self.steps(step.get("else", {}).get("steps", ()), f"{path}/"),
        }

    def _parallel(self, step: Step, path: str) -> dict[str, Any]:
        return {
            "branches": tuple(
                blocks.ParallelBranch(
                    id=one["id"],
                    path=f"{path}/{one['id']}",
                    steps=self.steps(one["steps"], f"{path}/{one['id']}/"),
                )
                for one in step["parallel"]["branches"]
            )
        }

    def _for_each(self, step: Step, path: str) -> dict[str, Any]:
        spec = step["for_each"]
        return {
            "items": compile_expression(spec["items"]),
            "as_name": spec["as"],
            "concurrency": spec.get("concurrency", 1),
            "max_items": spec.get("max_items", DEFAULT_MAX_ITEMS),
            "steps": self.steps(spec["steps"], f"{path}/"),
            "collect": _optional(spec, "collect"),
        }

    def _wait(self, step: Step, _path: str) -> dict[str, Any]:
        spec = step["wait"]
        return {"for_s": parse_duration(spec["for"]) if "for" in spec else None, "until": _optional(spec, "until")}

    def _approval(self, step: Step, _path: str) -> dict[str, Any]:
        spec = step["approval"]
        return {
            "question": _value(spec["title"]),
            "evidence": _value(spec.get("evidence")),
            "approvers": spec["approvers"],
            "expires_s": parse_duration(spec["expires"]),
            "on_expiry": spec.get("on_expiry", "reject"),
            "checklist": tuple(spec.get("checklist", ())),
            "quorum": spec.get("quorum", 1),
            "four_eyes": spec.get("four_eyes", False),
            **_escalation(spec.get("escalate")),
        }

    def _subflow(self, step: Step, _path: str) -> dict[str, Any]:
        spec = step["flow"]
        return {"flow": spec["slug"], "params": _value(spec.get("with")), "wait": spec.get("wait", True)}

    def _emit(self, step: Step, _path: str) -> dict[str, Any]:
        return {"type": step["emit"]["type"], "data": _value(step["emit"].get("data"))}

    def _stop(self, step: Step, _path: str) -> dict[str, Any]:
        return {"status": step["stop"]["status"], "reason": _optional(step["stop"], "reason")}


def _call_fields(step: Step) -> dict[str, Any]:
    call = step["call"]
    return {
        "connection": call["connection"],
        "action": call["action"],
        "params": _value(call.get("with", {})),
        "idempotency_key": _optional(step, "idempotency_key"),
        "policy": dict(step.get("policy", {})),
    }


def _escalation(spec: dict[str, str] | None) -> dict[str, Any]:
    return {} if spec is None else {"escalate_after_s": parse_duration(spec["after"]), "escalate_to": spec["to"]}


def words(name: str) -> str:
    """``reserve_stock`` as ``Reserve stock``."""
    return name.replace("_", " ").capitalize()


_CLASSES: dict[str, Callable[..., Block]] = {
    "call": blocks.CallBlock,
    "map": blocks.MapBlock,
    "validate": blocks.ValidateBlock,
    "branch": blocks.BranchBlock,
    "parallel": blocks.ParallelBlock,
    "for_each": blocks.ForEachBlock,
    "wait": blocks.WaitBlock,
    "approval": blocks.ApprovalBlock,
    "flow": blocks.SubflowBlock,
    "emit": blocks.EmitBlock,
    "stop": blocks.StopBlock,
}
