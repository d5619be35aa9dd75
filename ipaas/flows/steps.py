"""Checking steps one by one, each in the scope that it will see."""

from collections.abc import Callable, Generator, Iterator
from typing import Any
from uuid import UUID

from ipaas.core.document_forms import Finding, did_you_mean
from ipaas.core.durations import seconds_or
from ipaas.core.phrases import said
from ipaas.flows.bounds import MAX_EXPIRY_S, MAX_NESTING, MAX_WAIT_S, duration_findings, policy_findings
from ipaas.flows.catalogue import Catalogue
from ipaas.flows.form import BESIDE, KINDS
from ipaas.flows.inline import mapping_findings_of, schema_findings_of
from ipaas.flows.models import Flow
from ipaas.flows.scope import LOOP_NAME, RESERVED_NAMES, Scope

Findings = Iterator[Finding]
Check = Callable[[dict[str, Any], str, Scope], Findings]
Visible = Generator[Finding, None, Scope]


class StepChecker:
    """Checks the steps of one flow; each method yields findings, those of sequences return what is visible after."""

    def __init__(self, flow: str, catalogue: Catalogue | None, workspace_id: UUID | None) -> None:
        self.flow = flow
        self.catalogue = catalogue
        self.workspace_id = workspace_id
        self.checks: dict[str, Check] = {
            "call": self.call,
            "map": self.map,
            "validate": self.validate,
            "wait": self.wait,
            "approval": self.approval,
            "flow": self.subflow,
            "emit": lambda step, path, scope: iter(scope.value(step["emit"].get("data"), f"{path}/emit/data")),
            "stop": self.stop,
        }

    def sequence(self, steps: Any, path: str, scope: Scope, depth: int = 0) -> Visible:
        if depth > MAX_NESTING:
            yield Finding(path, "flow.nesting", said("blocks are nested deeper than {most} levels", most=MAX_NESTING))
            return scope
        for index, step in enumerate(steps):
            scope = yield from self.step(step, f"{path}/{index}", scope, depth)
        return scope

    def step(self, step: dict[str, Any], path: str, scope: Scope, depth: int) -> Visible:
        kinds = [kind for kind in KINDS if kind in step]
        if len(kinds) != 1:
            yield Finding(path, "flow.step_kind", _kind_message(kinds))
            return scope.after(step["id"])
        kind = kinds[0]
        yield from _beside(step, kind, path)
        if "when" in step:
            yield from scope.expression(step["when"], f"{path}/when")
        if kind in self.checks:
            yield from self.checks[kind](step, path, scope)
            after = scope
        else:
            after = yield from getattr(self, f"inside_{kind}")(step, path, scope, depth)
        after = after.after(step["id"])
        if "on_failure" in step:
            after = yield from self.sequence(
                step["on_failure"].get("steps", ()), f"{path}/on_failure/steps", after, depth + 1
            )
        return after

    def inside_branch(self, step: dict[str, Any], path: str, scope: Scope, depth: int) -> Visible:
        after = scope
        for index, case in enumerate(step["branch"]):
            place = f"{path}/branch/{index}"
            yield from scope.expression(case["when"], f"{place}/when")
            inner = yield from self.sequence(case["steps"], f"{place}/steps", scope, depth + 1)
            after = after.after(*inner.steps)
        if "else" in step:
            inner = yield from self.sequence(step["else"]["steps"], f"{path}/else/steps", scope, depth + 1)
            after = after.after(*inner.steps)
        return after

    def inside_parallel(self, step: dict[str, Any], path: str, scope: Scope, depth: int) -> Visible:
        after, names = scope, set()
        for index, branch in enumerate(step["parallel"]["branches"]):
            place = f"{path}/parallel/branches/{index}"
            if branch["id"] in names:
                yield Finding(
                    f"{place}/id", "flow.duplicate_id", said("the strand {id!r} is there twice", id=branch["id"])
                )
            names.add(branch["id"])
            inner = yield from self.sequence(branch["steps"], f"{place}/steps", scope, depth + 1)
            after = after.after(*inner.steps)
        return after

    def inside_for_each(self, step: dict[str, Any], path: str, scope: Scope, depth: int) -> Visible:
        loop, place = step["for_each"], f"{path}/for_each"
        yield from scope.expression(loop["items"], f"{place}/items")
        if loop["as"] in RESERVED_NAMES or loop["as"] in scope.names:
            yield Finding(
                f"{place}/as",
                "flow.name_taken",
                said("the name {name!r} has a meaning here; choose another", name=loop["as"]),
            )
        inner = scope.with_names(loop["as"], LOOP_NAME)
        inner = yield from self.sequence(loop["steps"], f"{place}/steps", inner, depth + 1)
        if not loop["steps"]:
            yield Finding(f"{place}/steps", "flow.no_steps", said("there is nothing to do for each element"))
        if "collect" in loop:
            yield from inner.expression(loop["collect"], f"{place}/collect")
        return scope

    def call(self, step: dict[str, Any], path: str, scope: Scope) -> Findings:
        yield from self._action(step["call"], f"{path}/call", scope)
        if "idempotency_key" in step:
            yield from scope.expression(step["idempotency_key"], f"{path}/idempotency_key")
        if "policy" in step:
            yield from policy_findings(step["policy"], f"{path}/policy")
        if "compensate" in step:
            undo, place = step["compensate"], f"{path}/compensate"
            after = scope.after(step["id"])
            yield from self._action(undo["call"], f"{place}/call", after)
            if "idempotency_key" in undo:
                yield from after.expression(undo["idempotency_key"], f"{place}/idempotency_key")
            if "policy" in undo:
                yield from policy_findings(undo["policy"], f"{place}/policy")

    def _action(self, call: dict[str, Any], path: str, scope: Scope) -> Findings:
        yield from scope.value(call.get("with", {}), f"{path}/with")
        if self.catalogue is None:
            return
        connection = self.catalogue.connections.get(call["connection"])
        if connection is None:
            hint = did_you_mean(call["connection"], self.catalogue.connections)
            message = said("there is no connection {connection!r}{hint}", connection=call["connection"], hint=hint)
            yield Finding(f"{path}/connection", "flow.unknown_connection", message)
        elif call["action"] not in connection.actions:
            hint = did_you_mean(call["action"], connection.actions)
            message = said(
                "the connector {connector} has no action {action!r}{hint}",
                connector=connection.connector,
                action=call["action"],
                hint=hint,
            )
            yield Finding(f"{path}/action", "flow.unknown_action", message)
        else:
            yield from _parameters(connection.actions[call["action"]].params_schema, call.get("with", {}), path)

    def map(self, step: dict[str, Any], path: str, scope: Scope) -> Findings:
        spec, place = step["map"], f"{path}/map"
        if "input" in spec:
            yield from scope.value(spec["input"], f"{place}/input")
        yield from mapping_findings_of(spec, place, scope, self.workspace_id)

    def validate(self, step: dict[str, Any], path: str, scope: Scope) -> Findings:
        spec = step["validate"]
        yield from schema_findings_of(spec["schema"], f"{path}/validate/schema", self.workspace_id)
        if "value" in spec:
            yield from scope.expression(spec["value"], f"{path}/validate/value")

    def wait(self, step: dict[str, Any], path: str, scope: Scope) -> Findings:
        spec = step["wait"]
        if "for" in spec:
            yield from duration_findings(spec["for"], f"{path}/wait/for", high=MAX_WAIT_S)
        else:
            yield from scope.expression(spec["until"], f"{path}/wait/until")

    def approval(self, step: dict[str, Any], path: str, scope: Scope) -> Findings:
        spec, place = step["approval"], f"{path}/approval"
        yield from scope.value(spec["title"], f"{place}/title")
        yield from scope.value(spec.get("evidence"), f"{place}/evidence")
        yield from duration_findings(spec["expires"], f"{place}/expires", high=MAX_EXPIRY_S, low=1)
        if "escalate" in spec:
            expires_s = seconds_or(spec["expires"], MAX_EXPIRY_S)
            yield from duration_findings(spec["escalate"]["after"], f"{place}/escalate/after", high=expires_s, low=1)

    def subflow(self, step: dict[str, Any], path: str, scope: Scope) -> Findings:
        spec, place = step["flow"], f"{path}/flow"
        yield from scope.value(spec.get("with"), f"{place}/with")
        if spec["slug"] == self.flow:
            yield Finding(f"{place}/slug", "flow.own_subflow", said("a flow can not start itself"))
        elif (
            self.workspace_id is not None
            and not Flow.objects.in_workspace(self.workspace_id).filter(slug=spec["slug"]).exists()
        ):
            message = said("there is no flow {slug!r} yet", slug=spec["slug"])
            yield Finding(f"{place}/slug", "flow.unknown_flow", message, "warning")

    def stop(self, step: dict[str, Any], path: str, scope: Scope) -> Findings:
        if "reason" in step["stop"]:
            yield from scope.expression(step["stop"]["reason"], f"{path}/stop/reason")


def _kind_message(kinds: list[str]) -> str:
    if not kinds:
        return said("say what the step does with one of {kinds}", kinds=", ".join(KINDS))
    return said("a step does one thing, this one has {kinds}", kinds=", ".join(kinds))


def _beside(step: dict[str, Any], kind: str, path: str) -> Findings:
    for key, owner in BESIDE.items():
        if key in step and kind != owner:
            yield Finding(
                f"{path}/{key}", "flow.misplaced_key", said("{key} stands only beside {owner}", key=key, owner=owner)
            )


def _parameters(schema: Any, given: dict[str, Any], path: str) -> Findings:
    """Missing and unknown parameters; their values are known only in a run."""
    if not isinstance(schema, dict):
        return
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in given:
            yield Finding(
                f"{path}/with", "flow.missing_parameter", said("the action needs the parameter {name!r}", name=name)
            )
    if schema.get("additionalProperties", True) is False:
        for name in sorted(set(given) - set(known)):
            hint = did_you_mean(name, known)
            yield Finding(
                f"{path}/with/{name}",
                "flow.unknown_parameter",
                said("the action has no parameter {name!r}{hint}", name=name, hint=hint),
            )
