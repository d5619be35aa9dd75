"""A whole target as one compiled function of the scope, the source and a budget.

The function is the fast way: it looks keys up directly and knows nothing of places. Whatever fails is told by
``explaining``, which computes the same target part by part.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from ipaas.core.document_forms import exact
from ipaas.expressions import ExpressionError, ExpressionLimit, ExpressionUndefined, Library
from ipaas.expressions.compiler import Emitter
from ipaas.expressions.limits import Budget
from ipaas.expressions.parsing import parse
from ipaas.mapping.elements import in_order, listed, refuse_null
from ipaas.mapping.nodes import Choose, Constant, Each, Group, Leaf, Node, Text, Whole, can_omit

Build = Callable[[Any, Any, Budget], Any]
MAX_EXPRESSIONS: Final = 5_000
ELEMENT_STEPS: Final = 8
"""Steps that an element of a list takes, beside one for each part that is made of it."""
OMIT: Final = object()
_RETRY = (ExpressionUndefined, LookupError, TypeError)


class TargetEmitter:
    """Writes the function of one mapping."""

    def __init__(self, library: Library) -> None:
        self.emitter = Emitter(library=library)
        self.emitter.give("source", "source")
        self._lines: list[str] = []
        self._indent = ""
        self._names = 0
        self._expressions = 0
        self._retry = self.emitter.constant(_RETRY)
        self._missing = self.emitter.constant(ExpressionUndefined)
        self._omit = self.emitter.constant(OMIT)

    def compile(self, node: Node) -> Build:
        """Raises ``ExpressionError`` where an expression does not compile."""
        self._line(f"return {self._value(node)}")
        return self.emitter.program(self._lines, "S, source, B")

    # --- lines

    def _line(self, text: str) -> None:
        self._lines.append(self._indent + text)

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}_{self._names}"

    def _inside(self, head: str, write: Callable[[], None]) -> None:
        self._line(head)
        self._indent += " "
        write()
        self._indent = self._indent[1:]

    # --- expressions

    def _expression(self, text: str) -> str:
        self._expressions += 1
        if self._expressions > MAX_EXPRESSIONS:
            raise ExpressionLimit(f"there are more than {MAX_EXPRESSIONS} expressions")
        self.emitter.begin_tree()
        try:
            code = self.emitter.emit(parse(text))
        except ExpressionError as error:
            raise error.located(expression=text) from None
        return f"weigh(B, {code})" if self.emitter.grows else code

    def _is_simple(self, node: Node) -> bool:
        """Whether a node is one expression of the function, without lines before it."""
        if isinstance(node, Leaf):
            return node.plain
        if isinstance(node, Group):
            return all(map(self._is_simple, node.fields.values()))
        if isinstance(node, Choose):
            return node.otherwise is not None and all(
                map(self._is_simple, (node.otherwise, *(one.then for one in node.cases)))
            )
        return isinstance(node, Constant)

    # --- nodes

    def _value(self, node: Node) -> str:
        """The code of a node's value, after the lines that it needs."""
        if isinstance(node, Leaf):
            return self._expression(node.expr) if node.plain else self._leaf(node)
        if isinstance(node, Constant):
            return self.emitter.constant(exact(node.value))
        if isinstance(node, Each):
            return self._each(node)
        if isinstance(node, Text):
            return self._text(node)
        if isinstance(node, Whole):
            return f"{self.emitter.constant(node.evaluate)}(S, source, B)"
        if isinstance(node, Choose):
            return self._choice(node) if self._is_simple(node) else self._choose(node)
        return self._group(node)

    def _group(self, node: Group) -> str:
        if self._is_simple(node):
            return f"{{{', '.join(self._pair(key, part) for key, part in node.fields.items())}}}"
        target = self._name("d")
        pending: list[str] = []
        self._line(f"{target} = {{}}")
        for key, part in node.fields.items():
            if self._is_simple(part):
                pending.append(f"{target}[{self.emitter.constant(key)}] = {self._value(part)}")
                continue
            for line in pending:
                self._line(line)
            pending.clear()
            value = self._value(part)
            guard = f"if {value} is not {self._omit}: " if can_omit(part) else ""
            self._line(f"{guard}{target}[{self.emitter.constant(key)}] = {value}")
        for line in pending:
            self._line(line)
        return target

    def _pair(self, key: str, part: Node) -> str:
        return f"{self.emitter.constant(key)}: {self._value(part)}"

    def _text(self, node: Text) -> str:
        parts = [
            self.emitter.constant(piece) if isinstance(piece, str) else self._expression(piece[0])
            for piece in node.pieces
        ]
        return f"concat(B, ({''.join(part + ', ' for part in parts)}))"

    def _leaf(self, node: Leaf) -> str:
        value = self._name("v")
        default = self.emitter.constant(exact(node.default))
        instead = {"omit": self._omit, "null": self.emitter.constant(None), "default": default}
        if node.on_missing == "error":
            self._line(f"{value} = {self._expression(node.expr)}")
        else:
            self._attempt(value, node.expr, instead[node.on_missing])
        if node.on_null == "error":
            self._line(f"if {value} is None: {self.emitter.constant(refuse_null)}()")
        elif node.on_null != "keep":
            self._line(f"if {value} is None: {value} = {instead[node.on_null]}")
        return value

    def _attempt(self, value: str, text: str, instead: str) -> None:
        """The fast way first; where it fails, the careful one tells an absent value from every other failure."""
        fast = self._expression(text)
        draws = self.emitter.draws
        with self.emitter.carefully():
            careful = self._expression(text)
        self._expressions -= 1
        if not draws:
            self._line("try:")
            self._line(f" {value} = {fast}")
            self._line(f"except {self._retry}:")
        indent, self._indent = self._indent, self._indent + ("" if draws else " ")
        self._line("try:")
        self._line(f" {value} = {careful}")
        self._line(f"except {self._missing}:")
        self._line(f" {value} = {instead}")
        self._indent = indent

    def _choice(self, node: Choose) -> str:
        cases = [f"({self._value(one.then)}) if {self._expression(one.when)} else " for one in node.cases]
        last = self._omit if node.otherwise is None else self._value(node.otherwise)
        return f"({''.join(cases)}({last}))"

    def _choose(self, node: Choose) -> str:
        value = self._name("v")
        word = "if"
        for one in node.cases:
            self._inside(f"{word} {self._expression(one.when)}:", partial(self._set, value, one.then))
            word = "elif"
        self._inside("else:", partial(self._set, value, node.otherwise))
        return value

    def _set(self, value: str, node: Node | None) -> None:
        self._line(f"{value} = {self._omit if node is None else self._value(node)}")

    def _each(self, node: Each) -> str:
        items, target, element, number = (self._name(kind) for kind in ("i", "t", "e", "n"))
        loop = self._name("loop")
        self._line(f"{items} = {self.emitter.constant(listed)}({self._expression(node.items)})")
        with self.emitter.bound({node.as_name: element, "loop": f"{{{self.emitter.constant('index')}: {number}}}"}):
            if node.sort or node.where is not None or not self._is_simple(node.body):
                self._loop(node, items, target, element, number, loop)
            else:
                body = self._value(node.body)
                head = f"{number}, {element} in enumerate({items})" if number in body else f"{element} in {items}"
                self._line(f"B.spend({self._steps(node)} * len({items}))")
                self._line(f"{target} = [{body} for {head}]")
        return target

    def _steps(self, node: Each) -> int:
        return ELEMENT_STEPS + _parts(node.body)

    def _loop(self, node: Each, items: str, target: str, element: str, number: str, chosen: str) -> None:
        self._line(f"{target} = []")
        if node.sort:
            self._line(f"{chosen} = []")
            keys = ", ".join(self._expression(key.by) for key in node.sort)
            self._walk(node, items, element, number, f"{chosen}.append((({number}, {element}), {keys}))")
            flags = self.emitter.constant(tuple(key.descending for key in node.sort))
            self._inside(
                f"for {number}, {element} in {self.emitter.constant(in_order)}(B, {chosen}, {flags}):",
                partial(self._append, target, node.body),
            )
            return
        self._inside(f"for {number}, {element} in enumerate({items}):", partial(self._kept, node, target))

    def _walk(self, node: Each, items: str, element: str, number: str, deed: str) -> None:
        self._line(f"for {number}, {element} in enumerate({items}):")
        self._line(f" B.spend({self._steps(node)})")
        guard = "" if node.where is None else f"if {self._expression(node.where)}: "
        self._line(f" {guard}{deed}")

    def _kept(self, node: Each, target: str) -> None:
        self._line(f"B.spend({self._steps(node)})")
        if node.where is not None:
            self._line(f"if not ({self._expression(node.where)}): continue")
        self._append(target, node.body)

    def _append(self, target: str, body: Node) -> None:
        value = self._value(body)
        guard = f"if {value} is not {self._omit}: " if can_omit(body) else ""
        self._line(f"{guard}{target}.append({value})")


def _parts(node: Node) -> int:
    if isinstance(node, Group):
        return 1 + sum(map(_parts, node.fields.values()))
    if isinstance(node, Choose):
        ways = [one.then for one in node.cases] + ([node.otherwise] if node.otherwise else [])
        return 1 + max(map(_parts, ways))
    return 1
