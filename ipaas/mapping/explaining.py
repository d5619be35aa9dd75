"""The slow way to a target: part by part, so that every field tells how it was made and one fault hides no other."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from ipaas.core.document_forms import exact
from ipaas.expressions import ExpressionError, ExpressionUndefined, Library
from ipaas.expressions.compiler import Emitter
from ipaas.expressions.limits import Budget, Draws
from ipaas.expressions.operators import concat
from ipaas.expressions.parsing import parse
from ipaas.expressions.templates import FAILURES
from ipaas.mapping.elements import in_order, listed, refuse_null
from ipaas.mapping.emitting import OMIT, Build
from ipaas.mapping.errors import MappingFailed, failed
from ipaas.mapping.library import NO_LIBRARY
from ipaas.mapping.lineage import Recorder, TracedScope, place_of, plain_of, traced, untraced
from ipaas.mapping.nodes import Choose, Constant, Each, Group, Leaf, Node, Text, Whole

MAX_TRACES: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTrace:
    """How one place of the target was made.

    ``path`` is the place (``lines[0].sku``), with the number of the element in a list. ``reads`` are the places of the
    data that were really looked at (``source.lines[0].sku``), 200 at most. ``branch`` is the way that was taken, where
    there are several: ``when 1``, ``otherwise``, ``none``, ``default``, ``omit``, ``null``. ``lookup_rows`` are
    pairs of a lookup's name and the number of the row found in it, from 0. ``cost_us`` is the time of the fast way, in
    microseconds. With an ``error`` there is no value.
    """

    path: str
    expression: str
    value: Any = None
    error: MappingFailed | None = None
    reads: tuple[str, ...] = ()
    branch: str | None = None
    lookup_rows: tuple[tuple[str, int], ...] = ()
    cost_us: float = 0.0


@dataclass(frozen=True, slots=True)
class Explained:
    """The target, without the fields that failed; ``left_out`` counts the traces beyond ``MAX_TRACES``."""

    target: Any
    fields: list[FieldTrace]
    left_out: int = 0

    @property
    def first_error(self) -> MappingFailed | None:
        return next((one.error for one in self.fields if one.error is not None), None)


def _way(text: str, library: Library, *, explain: bool) -> Build:
    """One expression as a function of the scope, the source and a budget: the fast way, or the one that explains."""
    emitter = Emitter(explain=explain, library=(library.explaining if explain else None) or library)
    code = emitter.emit(parse(text))
    body = f"weigh(B, {code})" if emitter.grows else code
    return emitter.program([f"return {body}"], "S, source, B")


@lru_cache(maxsize=8192)
def _shared_way(text: str, *, explain: bool) -> Build:
    return _way(text, NO_LIBRARY, explain=explain)


@dataclass(slots=True)
class Parts:
    """The expressions of one mapping, each made when it is asked for; those without a library of its own are shared."""

    library: Library
    own: dict[tuple[str, bool], Build] = field(default_factory=dict)

    def way(self, text: str, *, explain: bool) -> Build:
        if not self.library.functions and not self.library.lookups:
            return _shared_way(text, explain=explain)
        if (text, explain) not in self.own:
            self.own[text, explain] = _way(text, self.library, explain=explain)
        return self.own[text, explain]


class Stop(Exception):
    """The first fault is found."""


class Explainer:
    """One explanation; with ``only_first`` it ends at the first fault, ``timed`` tells what each field costs."""

    def __init__(
        self, parts: Parts, *, steps: int, within_s: float, seed: str, only_first: bool = False, timed: bool = False
    ) -> None:
        self.parts = parts
        self.recorder = Recorder()
        self.budget = Budget(steps, deadline=time.monotonic() + within_s, draws=Draws(seed))
        self.seed = seed
        self.traces: list[FieldTrace] = []
        self.left_out = 0
        self.only_first = only_first
        self.timed = timed
        self._branch: str | None = None
        self._rows: list[tuple[str, int]] = []

    def explain(self, root: Node, scope: Mapping[str, Any]) -> Explained:
        names = {name: traced(value, name, self.recorder) for name, value in scope.items()}
        frame = TracedScope(names, self.recorder, {})
        target: Any = None
        try:
            target = self._value(root, frame, "")
        except Stop:
            pass
        except RecursionError:
            self._fault("", "", frame, ExpressionError("the data is nested too deeply"))
        return Explained(None if target is OMIT else target, self.traces, self.left_out)

    # --- nodes: each gives its value, or OMIT

    def _value(self, node: Node, frame: TracedScope, path: str) -> Any:
        if isinstance(node, Leaf):
            return self._leaf(node, frame, path)
        if isinstance(node, Constant):
            self._trace(path, "", exact(node.value), 0.0)
            return exact(node.value)
        if isinstance(node, Group):
            inner = f"{path}." if path else ""
            made = {key: self._value(part, frame, f"{inner}{key}") for key, part in node.fields.items()}
            return {key: value for key, value in made.items() if value is not OMIT}
        if isinstance(node, Each):
            return self._each(node, frame, path)
        if isinstance(node, Text):
            return self._text(node, frame)
        if isinstance(node, Whole):
            return self._whole(node, frame, path)
        return self._choose(node, frame, path)

    def _leaf(self, node: Leaf, frame: TracedScope, path: str) -> Any:
        cost = self._cost(node.expr, frame)
        instead: dict[str, Any] = {"omit": OMIT, "null": None, "default": exact(node.default)}
        branch: str | None = None
        try:
            value = self._run(node.expr, frame)
            if value is None and node.on_null == "error":
                refuse_null()
            if value is None and node.on_null in instead:
                value, branch = instead[node.on_null], node.on_null
        except FAILURES as failure:
            if node.on_missing == "error" or not isinstance(failure, ExpressionUndefined):
                return self._fault(path, node.expr, frame, failure)
            self.recorder.note_missing(frame.placed(failure.path))
            value, branch = instead[node.on_missing], node.on_missing
        self._trace(path, node.expr, None if value is OMIT else value, cost, branch)
        return value

    def _text(self, node: Text, frame: TracedScope) -> Any:
        """A text: one trace for each expression in it, numbered; without a text where one of them fails."""
        parts: list[Any] = []
        for piece in node.pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            text, path = piece[0].strip(), f"text[{sum(1 for one in parts if not isinstance(one, str))}]"
            cost = self._cost(text, frame)
            try:
                value = concat(self.budget, (self._run(text, frame),))
            except FAILURES as failure:
                parts.append([self._fault(path, text, frame, failure)])
                continue
            self._trace(path, text, value, cost)
            parts.append([value])
        values = [one if isinstance(one, str) else one[0] for one in parts]
        return OMIT if OMIT in values else "".join(values)

    def _whole(self, node: Whole, frame: TracedScope, path: str) -> Any:
        """A program of another language: it says itself what it reads, without numbers of elements."""
        names = {name: plain_of(value) for name, value in dict.items(frame)}
        started = time.perf_counter()
        self.budget.rows = self._rows
        error: MappingFailed | None = None
        value: Any = OMIT
        try:
            value = node.evaluate(names, names.get("source"), self.budget)
        except FAILURES as failure:
            error = failed(path, node.text, failure, [(place, "read") for place in node.reads])
        cost = (time.perf_counter() - started) * 1e6
        trace = FieldTrace(path=path, expression=node.text, reads=node.reads, cost_us=cost, error=error)
        self._add(replace(trace, value=None if value is OMIT else value, lookup_rows=tuple(self._rows)))
        return value

    def _each(self, node: Each, frame: TracedScope, path: str) -> Any:
        cost = self._cost(node.items, frame)
        at, text, inner = path, node.items, frame
        try:
            items = listed(self._run(text, frame, keep=True))
            chosen = []
            for index, element in enumerate(items):
                self.budget.spend(1)
                place = f"{place_of(items)}[{index}]" if place_of(items) else None
                at, inner = f"{path}[{index}]", frame.with_element(node.as_name, element, index, place)
                text = node.where or text
                if node.where is not None and not self._run(node.where, inner):
                    continue
                keys = []
                for key in node.sort:
                    text = key.by
                    keys.append(self._run(text, inner))
                chosen.append(((index, inner), *keys))
            at = path
            ordered = in_order(self.budget, chosen, [key.descending for key in node.sort])
        except FAILURES as failure:
            return self._fault(at, text, inner, failure)
        reads, rows, branch = self.recorder.reads, tuple(self._rows), self._branch
        self._forget()
        made = [self._value(node.body, inner, f"{path}[{number}]") for number, (_, inner) in enumerate(ordered)]
        target = [value for value in made if value is not OMIT]
        self._add(
            FieldTrace(
                path=path,
                expression=node.items,
                value=target,
                reads=reads,
                branch=branch,
                lookup_rows=rows,
                cost_us=cost,
            )
        )
        return target

    def _choose(self, node: Choose, frame: TracedScope, path: str) -> Any:
        chosen, branch = node.otherwise, "otherwise" if node.otherwise else "none"
        cost = 0.0
        for number, case in enumerate(node.cases, 1):
            cost += self._cost(case.when, frame)
            try:
                holds = self._run(case.when, frame)
            except FAILURES as failure:
                return self._fault(path, case.when, frame, failure)
            if holds:
                chosen, branch = case.then, f"when {number}"
                break
        self._branch = f"{self._branch} / {branch}" if self._branch else branch
        if chosen is None:
            self._trace(path, node.cases[-1].when, None, cost)
            return OMIT
        if isinstance(chosen, Group):
            self._trace(path, node.cases[-1].when if branch == "otherwise" else case.when, None, cost)
        return self._value(chosen, frame, path)

    # --- expressions

    def _run(self, text: str, frame: TracedScope, *, keep: bool = False) -> Any:
        self.budget.rows = self._rows
        value = self.parts.way(text, explain=True)(frame, frame.get("source"), self.budget)
        return value if keep else untraced(self.budget, value)

    def _cost(self, text: str, frame: TracedScope) -> float:
        """Microseconds of the fast way; 0 where it fails, or where nobody asks for it."""
        if not self.timed:
            return 0.0
        names = {name: plain_of(value) for name, value in dict.items(frame)}
        budget = Budget(self.budget.left, deadline=self.budget.deadline, draws=Draws(self.seed))
        fast = self.parts.way(text, explain=False)
        started = time.perf_counter()
        try:
            fast(names, names.get("source"), budget)
        except FAILURES:
            return 0.0
        finally:
            self.budget.spend(self.budget.left - budget.left)
        return (time.perf_counter() - started) * 1e6

    # --- traces

    def _trace(self, path: str, expression: str, value: Any, cost: float, branch: str | None = None) -> None:
        said = " / ".join(filter(None, (self._branch, branch))) or None
        self._add(
            FieldTrace(
                path=path,
                expression=expression,
                value=value,
                reads=self.recorder.reads,
                branch=said,
                lookup_rows=tuple(self._rows),
                cost_us=cost,
            )
        )
        self._forget()

    def _fault(self, path: str, expression: str, frame: TracedScope, failure: BaseException) -> Any:
        if isinstance(failure, ExpressionUndefined) and failure.path:
            self.recorder.note_missing(frame.placed(failure.path))
        error = failed(path, expression, failure, self.recorder.kinds())
        self._add(
            FieldTrace(
                path=path,
                expression=expression,
                error=error,
                reads=self.recorder.reads,
                branch=self._branch,
                lookup_rows=tuple(self._rows),
            )
        )
        self._forget()
        if self.only_first:
            raise Stop
        return OMIT

    def _forget(self) -> None:
        self.recorder.begin()
        self._rows, self._branch = [], None

    def _add(self, trace: FieldTrace) -> None:
        if len(self.traces) < MAX_TRACES or (trace.error is not None and self.only_first):
            self.traces.append(trace)
        else:
            self.left_out += 1
