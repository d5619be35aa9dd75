"""Everything that is wrong or doubtful with a flow document, each finding with its place."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from ipaas.core.document_forms import Finding, did_you_mean, pointer
from ipaas.core.phrases import said
from ipaas.flows.bounds import MAX_DEADLINE_S, MAX_STEPS, duration_findings
from ipaas.flows.catalogue import Catalogue, catalogue_of
from ipaas.flows.form import form_findings
from ipaas.flows.inline import contract_findings_of, schema_findings_of
from ipaas.flows.lint import lint_findings
from ipaas.flows.scope import FAILURE_NAME, START_NAMES, STEP_NAMES, Scope
from ipaas.flows.steps import StepChecker
from ipaas.flows.triggers import trigger_findings
from ipaas.flows.walk import walk
from ipaas.ownership.naming import domain_findings

RESERVED_IDS = frozenset({"input", "on_failure"})


def validate(content: dict[str, Any], workspace_id: UUID | None = None) -> list[Finding]:
    """Check a flow; names of other documents and connections only where a workspace is given.

    Whatever the content, this returns findings and raises nothing.
    """
    found = form_findings(content)
    if found:
        return found
    catalogue = catalogue_of(workspace_id)
    used: set[str] = set()
    found = [*_heads(content, catalogue, workspace_id), *_ids(content), *_steps(content, catalogue, workspace_id, used)]
    return found + list(lint_findings(content, catalogue, used))


def _heads(content: dict[str, Any], catalogue: Catalogue | None, workspace_id: UUID | None) -> Iterator[Finding]:
    yield from trigger_findings(content["trigger"], catalogue)
    if "contract" in content:
        yield from contract_findings_of(content, workspace_id)
    yield from domain_findings(content, workspace_id)
    if "input" in content:
        yield from schema_findings_of(content["input"]["schema"], "/input/schema", workspace_id)
    for name, expression in content["business_ids"].items():
        yield from Scope(names=START_NAMES).expression(expression, pointer("business_ids", name))
    primary = content["primary_business_id"]
    if primary not in content["business_ids"]:
        hint = did_you_mean(primary, content["business_ids"])
        yield Finding(
            "/primary_business_id",
            "flow.primary",
            said("{primary!r} is not among the business ids{hint}", primary=primary, hint=hint),
        )
    for name, expression in content.get("amount", {}).items():
        yield from Scope(names=START_NAMES).expression(expression, pointer("amount", name))
    if "deadline" in content:
        yield from duration_findings(content["deadline"], "/deadline", high=MAX_DEADLINE_S, low=1)


def _ids(content: dict[str, Any]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for number, (step, path) in enumerate(walk(content), start=1):
        name = step["id"]
        if name in RESERVED_IDS:
            yield Finding(
                f"{path}/id",
                "flow.reserved_id",
                said("{name!r} has a meaning of its own; choose another id", name=name),
            )
        if name in seen:
            yield Finding(
                f"{path}/id",
                "flow.duplicate_id",
                said("the id {name!r} is taken by {place}", name=name, place=seen[name]),
            )
        seen.setdefault(name, path)
        if number == MAX_STEPS + 1:
            yield Finding(
                path,
                "flow.too_many_steps",
                said("more than {most} steps; make a flow of its own from a part", most=MAX_STEPS),
            )


def _steps(
    content: dict[str, Any], catalogue: Catalogue | None, workspace_id: UUID | None, used: set[str]
) -> Iterator[Finding]:
    checker = StepChecker(content["slug"], catalogue, workspace_id)
    scope = Scope(names=STEP_NAMES, business_ids=frozenset(content["business_ids"]), used=used)
    if not content["steps"]:
        yield Finding("/steps", "flow.no_steps", said("a flow needs at least one step"))
    visible = yield from checker.sequence(content["steps"], "/steps", scope)
    failed = visible.with_names(FAILURE_NAME)
    yield from checker.sequence(content.get("on_failure", ()), "/on_failure", failed)
