"""What the tests of a mapping reach: fields, branches and rows of lookups, from the traces of the engine."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ipaas.core.errors import IpaasError
from ipaas.core.phrases import said
from ipaas.mapping import engine
from ipaas.mapping.cases import Content, Resolve, scope_of
from ipaas.mapping.formats.applying import FormattedMapping, with_formats
from ipaas.mapping.lookups import row_keys
from ipaas.mapping.nodes import (
    Choose,
    Each,
    Group,
    Leaf,
    Node,
    inner_fields,
    is_choose,
    is_constant,
    is_each,
    is_expression,
    read_node,
)

MOST_TOLD = 200
WITHIN_S = 60.0
_BRANCH = " / "
_KEPT, _LEFT_OUT, _MADE = "kept", "left out", "value"

Kind = Literal["field", "branch", "row"]
KINDS: tuple[Kind, ...] = ("field", "branch", "row")


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """Something that a test can reach.

    ``place`` is the field (``lines[].sku``) or the name of a lookup; ``what`` the branch (``when 1``, ``otherwise``,
    ``none``, ``default``, ``omit``, ``null``, ``value``, ``kept``, ``left out``) or the key of the row.
    """

    kind: Kind
    place: str
    what: str = ""

    @property
    def words(self) -> str:
        if self.kind == "row":
            return said("{place}: the row {what}", place=self.place, what=self.what)
        return f"{self.place}: {self.what}" if self.what else self.place


@dataclass(frozen=True, slots=True)
class Coverage:
    """All points of a mapping, and those that a case reaches. ``note`` says why there are none, or not all."""

    points: Sequence[Point] = ()
    reached: frozenset[Point] = field(default_factory=frozenset)
    note: str = ""

    @property
    def missed(self) -> list[Point]:
        return [point for point in self.points if point not in self.reached]

    @property
    def percent(self) -> int:
        """Whole and rounded down, so that 100 means everything."""
        return 100 if not self.points else 100 * (len(self.points) - len(self.missed)) // len(self.points)

    def of(self, kind: Kind) -> tuple[int, int]:
        """How many points of a kind are reached, and how many there are."""
        points = [point for point in self.points if point.kind == kind]
        return sum(point in self.reached for point in points), len(points)

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"percent": self.percent, "note": str(self.note)}
        for kind in KINDS:
            reached, total = self.of(kind)
            missed = [{"place": one.place, "what": one.what} for one in self.missed if one.kind == kind]
            found[f"{kind}s" if kind != "branch" else "branches"] = {
                "reached": reached, "total": total, "missed": missed[:MOST_TOLD],
            }  # fmt: skip
        return found


def coverage(content: Content, *, resolve: Resolve, within_s: float = WITHIN_S) -> Coverage:
    """What the cases of a valid mapping reach, as far as ``within_s`` seconds go.

    A mapping in one expression or one template has no fields to reach.
    """
    if "fields" not in content:
        return Coverage(note=said("the mapping is one expression: there are no fields to reach"))
    root = read_node({"fields": content["fields"]})
    points = [*dict.fromkeys(_points(root, "", ())), *_rows(content, resolve)]
    reached: set[Point] = set()
    stop = time.monotonic() + within_s
    try:
        for point in _reached(content, resolve):
            reached.add(point)
            if time.monotonic() > stop:
                return Coverage(points, frozenset(reached), said("not all tests were looked at: there was no time"))
    except IpaasError as error:
        return Coverage(points, frozenset(reached), error.detail)
    return Coverage(points, frozenset(reached))


def _points(node: Node, place: str, chain: tuple[str, ...]) -> Iterator[Point]:
    """``chain`` are the choices taken at this very place before the node."""
    if isinstance(node, Group):
        for key, part in node.fields.items():
            yield from _points(part, f"{place}.{key}" if place else key, ())
        return
    if isinstance(node, Choose):
        for number, case in enumerate(node.cases, 1):
            yield from _choice(case.then, place, (*chain, f"when {number}"))
        yield from _choice(node.otherwise, place, (*chain, "otherwise" if node.otherwise is not None else "none"))
        return
    yield Point("field", place)
    if isinstance(node, Each):
        if node.where is not None:
            yield from (Point("branch", place, what) for what in (_KEPT, _LEFT_OUT))
        yield from _points(node.body, f"{place}[]", ())
    elif isinstance(node, Leaf) and not node.plain:
        for what in dict.fromkeys((_MADE, node.on_missing, node.on_null)):
            if what not in ("error", "keep"):
                yield Point("branch", place, _BRANCH.join((*chain, what)))


def _choice(node: Node | None, place: str, chain: tuple[str, ...]) -> Iterator[Point]:
    yield Point("branch", place, _BRANCH.join(chain))
    if node is not None:
        yield from _points(node, place, () if isinstance(node, Group) else chain)


def _rows(content: Content, resolve: Resolve) -> Iterator[Point]:
    for name, keys in _keys(content, resolve).items():
        yield from (Point("row", name, key) for key in keys)


def _keys(content: Content, resolve: Resolve) -> dict[str, list[str]]:
    """The keys of the rows of each lookup, in their order."""
    found = {}
    for name, reference in (content.get("lookups") or {}).items():
        try:
            found[name] = row_keys(resolve("lookup", reference))
        except IpaasError:
            found[name] = []
    return found


def _reached(content: Content, resolve: Resolve) -> Iterator[Point]:
    compiled = engine.compile(content, resolve=resolve)
    keys = _keys(content, resolve)
    filters: dict[str, str] = {}
    probe_tree = _probe(content["fields"], "", "", filters)
    probe = engine.compile({**content, "fields": probe_tree}, resolve=resolve) if filters else None
    for source, scope in _sources(content, with_formats(compiled, content)):
        for trace in compiled.explain(source, scope, timed=False).fields:
            yield from _of_trace(trace, keys)
        for trace in probe.explain(source, scope, timed=False).fields if probe is not None else ():
            place = filters.get(_anywhere(trace.path))
            if place is not None and trace.error is None:
                yield Point("branch", place, _KEPT if trace.value else _LEFT_OUT)


def _sources(content: Content, formatted: engine.CompiledMapping) -> Iterator[tuple[Any, dict[str, Any]]]:
    """What expressions see in each case; an input in a format of records is many."""
    for case in content.get("tests", ()):
        source, scope = scope_of(content, case)
        if not isinstance(formatted, FormattedMapping) or not isinstance(source, str):
            yield source, scope
            continue
        try:
            yield from ((one, scope) for one in formatted.sources(source))
        except IpaasError:
            continue


def _of_trace(trace: engine.FieldTrace, keys: Mapping[str, list[str]]) -> Iterator[Point]:
    place = _anywhere(trace.path)
    for name, number in trace.lookup_rows:
        if number < len(keys.get(name, ())):
            yield Point("row", name, keys[name][number])
    chain = trace.branch.split(_BRANCH) if trace.branch else []
    for length in range(1, len(chain) + 1):
        yield Point("branch", place, _BRANCH.join(chain[:length]))
    if trace.error is None:
        yield Point("field", place)
        yield Point("branch", place, _BRANCH.join((*chain, _MADE)))


def _anywhere(path: str) -> str:
    return re.sub(r"\[\d+\]", "[]", path)


# -- filters ---------------------------------------------------------------------------------------------------------


def _probe(fields: Mapping[str, Any], place: str, probed: str, filters: dict[str, str]) -> dict[str, Any]:
    """The fields with every filter as a field of its own beside the element, so that both its answers are seen.

    ``filters`` gathers the place of each list by the place of its filter in the probe.
    """
    return {
        key: _probe_tree(tree, f"{place}.{key}" if place else key, f"{probed}.{key}" if probed else key, filters)
        for key, tree in fields.items()
    }


def _probe_tree(tree: Any, place: str, probed: str, filters: dict[str, str]) -> Any:
    if isinstance(tree, str) or is_constant(tree) or is_expression(tree):
        return tree
    if is_choose(tree):
        cases = [{**one, "then": _probe_tree(one["then"], place, probed, filters)} for one in tree["choose"]]
        rest = {"otherwise": _probe_tree(tree["otherwise"], place, probed, filters)} if "otherwise" in tree else {}
        return {"choose": cases, **rest}
    if not is_each(tree):
        return {"fields": _probe(inner_fields(tree)[1], place, probed, filters)}
    given = {key: tree[key] for key in ("each", "as") if key in tree}
    body = {"fields": tree["fields"]} if "fields" in tree else tree["item"]
    if "where" not in tree:
        return {**given, "item": _probe_tree(body, f"{place}[]", f"{probed}[]", filters)}
    filters[f"{probed}[].kept"] = place
    inside = _probe_tree(body, f"{place}[]", f"{probed}[].element", filters)
    return {**given, "fields": {"kept": {"expr": tree["where"], "on_missing": "omit"}, "element": inside}}
