"""What expressions of a flow may name at each place."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ipaas.core.document_forms import Finding, did_you_mean
from ipaas.core.phrases import said
from ipaas.mapping.references import Names, expression_findings, value_findings

START_NAMES: Names = frozenset({"trigger", "vars", "run", "now"})
STEP_NAMES: Names = START_NAMES | {"steps", "business_ids"}
LOOP_NAME = "loop"
FAILURE_NAME = "failure"
RESERVED_NAMES: Names = STEP_NAMES | {LOOP_NAME, FAILURE_NAME, "source", "true", "false", "none", "item"}
STEP_PARTS: Names = frozenset({"output", "status", "error"})


@dataclass(frozen=True, slots=True)
class Scope:
    """Names and earlier steps visible at a place; ``used`` gathers the steps that are read, over all places."""

    names: Names = STEP_NAMES
    steps: Names = frozenset()
    business_ids: Names = frozenset()
    used: set[str] = field(default_factory=set)

    def after(self, *steps: str) -> "Scope":
        return replace(self, steps=self.steps.union(steps))

    def with_names(self, *names: str) -> "Scope":
        return replace(self, names=self.names.union(names))

    def expression(self, text: Any, path: str) -> list[Finding]:
        found, paths = expression_findings(text, path, self.names)
        return found + list(self.references(paths, path))

    def value(self, tree: Any, path: str) -> list[Finding]:
        found, paths = value_findings(tree, path, self.names)
        return found + list(self.references(paths, path))

    def references(self, paths: set[tuple[str, ...]], path: str) -> Iterator[Finding]:
        """Problems of the paths that expressions read: later steps, unknown parts, unknown business ids."""
        for parts in sorted(paths):
            if parts[0] == "steps" and len(parts) > 1:
                yield from self._step(parts, path)
            elif parts[0] == "business_ids" and len(parts) > 1 and parts[1] not in self.business_ids:
                hint = did_you_mean(parts[1], self.business_ids)
                yield Finding(
                    path,
                    "flow.unknown_business_id",
                    said("there is no business id {name!r}{hint}", name=parts[1], hint=hint),
                )

    def _step(self, parts: tuple[str, ...], path: str) -> Iterator[Finding]:
        name = parts[1]
        if name not in self.steps:
            hint = did_you_mean(name, self.steps)
            yield Finding(
                path, "flow.unknown_step", said("no step {name!r} comes before this place{hint}", name=name, hint=hint)
            )
            return
        self.used.add(name)
        if len(parts) > 2 and parts[2] not in STEP_PARTS:
            yield Finding(
                path,
                "flow.unknown_step_part",
                said(
                    "a step has output, status and error; steps.{name}.{part} is probably steps.{name}.output.{part}",
                    name=name,
                    part=parts[2],
                ),
            )
