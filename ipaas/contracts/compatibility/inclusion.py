"""The proof that everything one side produces is accepted by the other, keyword by keyword."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

from ipaas.contracts.compatibility import alternatives as alt
from ipaas.contracts.compatibility.alternatives import Alternative, alternatives_of
from ipaas.contracts.compatibility.nodes import Book, Node, is_annotation, nodes_of
from ipaas.core import jsonio

Undeclared = Literal["absent", "possible"]
MOST_STEPS = 60_000
MOST_LEVELS = 48
MOST_FAULTS = 200
SAMPLES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    0.5,
    7,
    1000,
    "",
    "a",
    "abc",
    "x" * 50,
    [],
    [1],
    ["a"],
    {},
    {"a": 1},
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why the proof fails: where in the data, what, and whether data that shows it certainly exists."""

    code: str
    place: tuple[str, ...] = ()
    values: Mapping[str, object] = field(default_factory=dict)
    certain: bool = True
    pointer: str = ""
    other: str = ""

    def under(self, *parts: str) -> "Fault":
        return replace(self, place=(*parts, *self.place))


Pair = tuple[tuple[tuple[int, str], ...], tuple[int, str]]
Handler = Callable[["Inclusion", Alternative, Node, str], Iterable[Fault]]
HANDLERS: dict[str, Handler] = {}


def handles(*keywords: str) -> Callable[[Handler], Handler]:
    """Register what proves a keyword of the accepting side."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(keywords, handler))
        return handler

    return register


def unsure(node: Node, keyword: str, why: str, **values: object) -> Fault:
    """A fault that only says that the proof was not found."""
    return Fault(why, values={"keyword": keyword, **values}, certain=False, pointer=node.pointer)


class Inclusion:
    """One proof over two documents; ``undeclared`` says whether a silent object may carry more than it writes down."""

    def __init__(self, producing: Book, accepting: Book, undeclared: Undeclared) -> None:
        self.producing, self.accepting, self.undeclared = producing, accepting, undeclared
        self.relied_on: dict[tuple[str, ...], None] = {}
        self.place: tuple[str, ...] = ()
        self._steps = 0
        self._level = 0
        self._open: dict[Pair, int] = {}
        self._proven: dict[Pair, None] = {}
        self._failed: dict[Pair, list[Fault]] = {}

    def run(self) -> list[Fault]:
        if self.producing.digests[""] == self.accepting.digests[""] and not self.producing.changed:
            return []
        return self.compare((self.producing.root,), self.accepting.root)

    @contextmanager
    def below(self, *parts: str) -> Iterator[None]:
        """One level further into the data."""
        before = self.place
        self._level, self.place = self._level + 1, (*before, *parts)
        yield
        self._level, self.place = self._level - 1, before

    def compare_below(self, nodes: Sequence[Node], target: Node, *parts: str) -> list[Fault]:
        with self.below(*parts):
            return [fault.under(*parts) for fault in self.compare(nodes, target)]

    def compare(self, nodes: Sequence[Node], target: Node) -> list[Fault]:
        """Why not every value that satisfies all of ``nodes`` satisfies ``target``; [] is a proof that they do."""
        if target.schema is True or any(self.same(node, target) for node in nodes):
            return []
        pair: Pair = (tuple(sorted({node.key for node in nodes})), target.key)
        if pair in self._open:
            return [] if self._level > self._open[pair] else [unsure(target, "$ref", "endless")]
        if pair in self._proven:
            return []
        if pair in self._failed:
            return self._failed[pair]
        self._steps += 1
        if self._steps > MOST_STEPS or self._level > MOST_LEVELS:
            return [unsure(target, "", "too_large")]
        return self._compare(pair, nodes, target)

    def _compare(self, pair: Pair, nodes: Sequence[Node], target: Node) -> list[Fault]:
        before = len(self._proven)
        self._open[pair] = self._level
        faults: dict[Fault, None] = {}
        try:
            for alternative in alternatives_of(nodes):
                for fault in self.alternative(alternative, target):
                    faults.setdefault(_hashable(fault))
                if len(faults) > MOST_FAULTS:
                    break
        finally:
            del self._open[pair]
        if not faults:
            self._proven[pair] = None
            return []
        while len(self._proven) > before:  # they may rest upon what has just failed
            self._proven.popitem()
        self._failed[pair] = list(faults)
        return self._failed[pair]

    def alternative(self, given: Alternative, target: Node) -> list[Fault]:
        """Why not every value of one alternative satisfies ``target``."""
        if given.listed is not None:
            found = self._each_value(given, given.finite or [], target)
            if found is not None:
                return found
        faults: list[Fault] = []
        todo, seen = [target], set[tuple[int, str]]()
        while todo:
            node = todo.pop()
            if node.key in seen or node.schema is True or any(self.same(one, node) for one in given.nodes):
                continue
            seen.add(node.key)
            if node.schema is False:
                faults.append(Fault("nothing", pointer=node.pointer))
                continue
            faults += self._keywords(given, node, todo)
        if given.opaque and faults and not self._shown_by_sample(given, target):
            why = given.opaque[0]
            faults = [
                replace(one, certain=False, values={**one.values, "unless": why}) if one.certain else one
                for one in faults
            ]
        return [one if one.other or not given.nodes else replace(one, other=given.nodes[0].pointer) for one in faults]

    def _keywords(self, given: Alternative, node: Node, todo: list[Node]) -> list[Fault]:
        if node.pointer in node.book.nested_ids:
            return [unsure(node, "$id", "not_understood")]
        faults: list[Fault] = []
        for keyword, value in node.schema.items():
            if is_annotation(keyword):
                continue
            if keyword == "allOf":
                todo += nodes_of(value, node, "allOf")
            elif keyword == "$ref":
                target = node.book.target(value)
                if target is None:
                    faults.append(unsure(node, "$ref", "not_understood"))
                else:
                    todo.append(target)
            elif keyword in HANDLERS:
                found = [
                    one if one.pointer else replace(one, pointer=node.pointer)
                    for one in HANDLERS[keyword](self, given, node, keyword)
                ]
                faults += found
            elif keyword == "unevaluatedItems" or not given.same_keyword(node, keyword):  # it depends on its neighbours
                faults.append(unsure(node, keyword, "not_understood"))
        wrong_type = [one for one in faults if one.code == "type" and not one.place]
        return wrong_type or faults

    def _each_value(self, given: Alternative, values: list[Any], target: Node) -> list[Fault] | None:
        """The decision by trying every value; None where one of the schemas can not be tried."""
        accepts = target.book.validator(target.pointer)
        produced = [node.book.validator(node.pointer) for node in given.nodes]
        if accepts is None or None in produced:
            return None
        refused = [
            value for value in values
            if not accepts.is_valid(value) and all(one is None or one.is_valid(value) for one in produced)
        ]  # fmt: skip
        if not refused:
            return []
        return [
            Fault(
                "value",
                values={"refused": tuple(shown(one) for one in refused[:5]), "count": len(refused)},
                pointer=target.pointer,
            )
        ]

    def _shown_by_sample(self, given: Alternative, target: Node) -> bool:
        """Whether one of a few usual values is produced and refused, which makes what was found certain."""
        accepts = target.book.validator(target.pointer)
        produced = [node.book.validator(node.pointer) for node in given.nodes]
        return accepts is not None and any(
            not accepts.is_valid(value) and all(one is not None and one.is_valid(value) for one in produced)
            for value in SAMPLES
        )

    def same(self, one: Node, other: Node) -> bool:
        return one.book.alike(one.pointer, other.book, other.pointer)

    def disjoint(self, given: Alternative, target: Node) -> bool:
        """Whether it is proven that no value of an alternative satisfies ``target``."""
        return not alternatives_of((*given.nodes, target))


def shown(value: Any) -> str:
    text = str(value) if isinstance(value, Fraction) else jsonio.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:59]}…"


def _hashable(fault: Fault) -> Fault:
    return replace(fault, values=_Values(fault.values))


class _Values(dict[str, object]):
    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted((name, repr(value)) for name, value in self.items())))


def split(given: Alternative) -> list[Alternative]:
    """One alternative per type that its values may have."""
    if len(given.atoms) == 1:
        return [given]
    atoms = given.atoms - {"integer"} if "fraction" in given.atoms else given.atoms
    return [Alternative((*given.nodes, alt.ATOM_SCHEMAS[atom]), given.opaque) for atom in sorted(atoms)]
