"""Compiled mappings: one function builds the whole target, another one explains it field by field."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any
from uuid import UUID

from ipaas.expressions import ExpressionLimit, Library
from ipaas.expressions.limits import Budget, Draws
from ipaas.expressions.parsing import split_text
from ipaas.expressions.templates import FAILURES
from ipaas.mapping.emitting import Build, TargetEmitter
from ipaas.mapping.errors import MappingFailed, failed
from ipaas.mapping.explaining import Explained, Explainer, FieldTrace, Parts
from ipaas.mapping.jsonata import compile_jsonata
from ipaas.mapping.library import Resolve, library_of
from ipaas.mapping.nodes import Node, Text, Whole, read_node

__all__ = ["CompiledMapping", "Explained", "FieldTrace", "MappingFailed", "Resolve", "compile"]

MAX_SECONDS = 10.0
MAX_STEPS = 10_000_000
QUICK_STEPS = 1_000
"""About what a mapping of 300 fields takes; the steps of loops are looked at before their work is done."""
BESIDE = 100
"""So many times a mapping that was slow is worked out beside the loop, before it is tried there again."""


class Pace:
    """Whether a mapping was slow lately; shared by all who run it, and a wrong count does no harm."""

    __slots__ = ("_beside",)

    def __init__(self) -> None:
        self._beside = 0

    def on_loop(self) -> bool:
        if self._beside == 0:
            return True
        self._beside -= 1
        return False

    def was_slow(self) -> None:
        self._beside = BESIDE


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """A mapping ready to run, safe to share; ``reads`` are the dotted paths of the scope that it reads."""

    slug: str
    root: Node = field(repr=False)
    build: Build = field(repr=False)
    parts: Parts = field(repr=False)
    version_id: UUID | None = None
    sha256: str = ""
    reads: frozenset[str] = frozenset()
    pace: Pace = field(default_factory=Pace, repr=False, compare=False)

    def apply(
        self,
        source: Any,
        scope: Mapping[str, Any] | None = None,
        *,
        within_s: float = MAX_SECONDS,
        place: str = "",
    ) -> Any:
        """The target made from ``source`` (named so in expressions) and the other names in ``scope``.

        ``place`` is the step of the run: randomness comes from ``run.id`` and it, so that a replay draws the same.
        Raises ``MappingFailed``, which names the field, the expression and the places it read, never a value; also
        when it is not done after ``within_s`` seconds.
        """
        names = scope or {}
        budget = Budget(MAX_STEPS, deadline=time.monotonic() + within_s, draws=Draws(self._seed(names, place)))
        try:
            return self.build(names, source, budget)
        except FAILURES as failure:
            raise self._failure(source, names, place, within_s, failure) from None

    def try_quickly(self, source: Any, scope: Mapping[str, Any], *, place: str = "") -> tuple[bool, Any]:
        """Whether it is done, and the target: not done is what takes many steps, and what fails, for ``apply``."""
        budget = Budget(QUICK_STEPS, deadline=inf, draws=Draws(self._seed(scope, place)))
        try:
            return True, self.build(scope, source, budget)
        except FAILURES:
            return False, None

    @property
    def in_thread(self) -> bool:
        """Whether it is worth a thread: a program that lets other threads run while it works."""
        return isinstance(self.root, Whole)

    def explain(
        self,
        source: Any,
        scope: Mapping[str, Any] | None = None,
        *,
        within_s: float = MAX_SECONDS,
        place: str = "",
        timed: bool = True,
    ) -> Explained:
        """The same target, with the way of every field; a field that fails is left out and hides no other.

        Unless it is ``timed``, every ``cost_us`` is 0, and half of the work is saved.
        """
        explainer = self._explainer(scope or {}, place, within_s, timed=timed)
        return explainer.explain(self.root, {**(scope or {}), "source": source})

    def _explainer(self, scope: Mapping[str, Any], place: str, within_s: float, **how: bool) -> Explainer:
        return Explainer(self.parts, steps=MAX_STEPS, within_s=within_s, seed=self._seed(scope, place), **how)

    def _seed(self, scope: Mapping[str, Any], place: str) -> str:
        run = scope.get("run")
        return f"{run.get('id', '') if isinstance(run, Mapping) else ''}\n{place}\n{self.slug}"

    def _failure(
        self, source: Any, scope: Mapping[str, Any], place: str, within_s: float, failure: BaseException
    ) -> MappingFailed:
        seconds = min(within_s, 1.0) if isinstance(failure, ExpressionLimit) else within_s
        explainer = self._explainer(scope, place, seconds, only_first=True)
        found = explainer.explain(self.root, {**scope, "source": source}).first_error
        return found or failed("", "", failure)


def compile(  # noqa: A001 - read as mapping.engine.compile
    content: Mapping[str, Any],
    *,
    resolve: Resolve | None = None,
    version_id: UUID | None = None,
    sha256: str = "",
) -> CompiledMapping:
    """Compile a valid mapping document; ``resolve`` gives the lookups and functions that it names.

    Raises ``ExpressionError`` where an expression does not compile.
    """
    library = library_of(content, resolve)
    root = _root(content, library)
    emitter = TargetEmitter(library)
    build = emitter.compile(root)
    reads = frozenset(".".join(path) for path in emitter.emitter.paths)
    if isinstance(root, Whole):
        reads = frozenset(root.reads)
    return CompiledMapping(str(content["slug"]), root, build, Parts(library), version_id, sha256, reads)


def compile_to_explain(content: Mapping[str, Any], *, resolve: Resolve | None = None) -> CompiledMapping:
    """The same for those who ``explain`` and do not ``apply``: the fast program is only made when it is asked for.

    ``reads`` is empty. An expression that does not compile is told by its field's trace.
    """
    library = library_of(content, resolve)
    root = _root(content, library)

    def build(scope: Mapping[str, Any], source: Any, budget: Budget) -> Any:
        return TargetEmitter(library).compile(root)(scope, source, budget)

    return CompiledMapping(str(content["slug"]), root, build, Parts(library))


def _root(content: Mapping[str, Any], library: Library) -> Node:
    if "jsonata" in content:
        program = compile_jsonata(content["jsonata"], content.get("numbers", "exact"), library)
        return Whole(program.text, tuple(sorted(program.reads)), program.evaluate)
    if "template" in content:
        return Text(content["template"], tuple(split_text(content["template"])))
    return read_node({"fields": content["fields"]})
