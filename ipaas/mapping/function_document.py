"""The document form of a reusable function."""

import json
import time
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.document_forms import Finding, exact, schema_findings
from ipaas.core.document_types import DocumentType, PublishDerived
from ipaas.core.phrases import said
from ipaas.expressions import ExpressionError
from ipaas.expressions.limits import Budget, Draws
from ipaas.expressions.operators import equal
from ipaas.expressions.registry import Function as Callable
from ipaas.mapping.library import CHECKS, compile_function, evaluate
from ipaas.mapping.models import Function, FunctionVersion
from ipaas.mapping.naming import circle, library_findings, pinned
from ipaas.mapping.pins import holders
from ipaas.mapping.references import expression_findings
from ipaas.ownership.naming import domain_findings

KIND = "function"
EXAMPLES_WITHIN_S = 2.0


@cache
def form() -> CompiledValidator:
    """The JSON Schema of function documents."""
    return compile_schema(json.loads(files("ipaas.mapping").joinpath("function.schema.json").read_text()), mask=None)


def validate(content: dict[str, Any], workspace_id: UUID | None = None) -> list[Finding]:
    """Everything that is wrong with a function document; its examples are tried where what it names is at hand."""
    found = schema_findings(form().validator, content) or list(_parameters(content))
    if found:
        return found
    found, library = library_findings(content, workspace_id)
    if workspace_id is not None and (way := circle(content["slug"], content, workspace_id)):
        found.append(Finding("/functions", "function.circle", said("functions go in a circle: {way}", way=way)))
    names = frozenset(one["name"] for one in content.get("parameters", ()))
    found += expression_findings(content["expr"], "/expr", names, library)[0]
    if not found and (workspace_id is not None or not (content.get("lookups") or content.get("functions"))):
        found += _examples(content, compile_function(content["slug"].replace("-", "_"), content, library, explain=True))
    return found + domain_findings(content, workspace_id)


def _parameters(content: dict[str, Any]) -> Iterator[Finding]:
    seen: set[str] = set()
    optional = False
    for number, one in enumerate(content.get("parameters", ())):
        path = f"/parameters/{number}"
        if one["name"] in seen:
            yield Finding(f"{path}/name", "function.parameter", said("two parameters have this name"))
        seen.add(one["name"])
        if optional and "default" not in one:
            yield Finding(path, "function.parameter", said("it needs a default, as one before it has one"))
        optional = optional or "default" in one
        check = CHECKS[one.get("kind", "value")]
        if "default" in one and one["default"] is not None and check is not None:
            try:
                check(exact(one["default"]))
            except ExpressionError as error:
                yield Finding(f"{path}/default", "function.parameter", error.detail)


def _examples(content: dict[str, Any], function: Callable) -> Iterator[Finding]:
    deadline = time.monotonic() + EXAMPLES_WITHIN_S
    known = {one.name for one in function.parameters}
    for number, one in enumerate(content.get("examples", ())):
        path = f"/examples/{number}"
        if unknown := sorted(set(one["args"]) - known):
            yield Finding(f"{path}/args", "function.example", said("there is no parameter {name!r}", name=unknown[0]))
            continue
        budget = Budget(deadline=deadline, draws=Draws("example"))
        try:
            result = evaluate(function, exact(one["args"]), budget)
        except ExpressionError as error:
            if "error" not in one:
                yield Finding(path, "function.example", said("it fails: {why}", why=error.detail))
            continue
        if "error" in one:
            yield Finding(path, "function.example", said("it should fail and does not"))
        elif not equal(budget, result, exact(one["result"])):
            yield Finding(f"{path}/result", "function.example", said("something else comes out"))


def settle(content: dict[str, Any], workspace_id: UUID, _publish: PublishDerived) -> dict[str, Any]:
    """Pin the lookups and functions that the document names to the newest version where it names none."""
    return pinned(content, workspace_id)


def _named(content: dict[str, Any]) -> set[str]:
    """The functions that a document of any form names."""
    named = content.get("functions")
    return {str(one).partition("@")[0] for one in named.values()} if isinstance(named, dict) else set()


FUNCTION_TYPE = DocumentType(
    kind=KIND,
    permission="functions",
    document=Function,
    version=FunctionVersion,
    validate=validate,
    settle=settle,
    held_by=holders(KIND),
    rank=30,
    refers_to=_named,
)
