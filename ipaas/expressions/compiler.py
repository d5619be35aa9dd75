"""From syntax tree to Python source, node by node of an allow-list.

The source holds fixed helper names and numbered constants only; no text of the user's ever becomes code. Each
tree is emitted in one of two ways with the same meaning: the fast one looks keys up directly and has no idea of
places; when it fails, the explaining one runs and says which path is missing and where.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from jinja2 import nodes

from ipaas.expressions import functions as _functions  # noqa: F401 - registers the functions
from ipaas.expressions import operators as op
from ipaas.expressions.errors import ExpressionLimit, ExpressionSyntax, ExpressionUndefined
from ipaas.expressions.limits import MAX_DEPTH, MAX_NODES, Budget, weigh
from ipaas.expressions.registry import EACH, FUNCTIONS, LAZY, TESTS, Function, Parameter

Path = tuple[str, ...]

_BINARY: Final = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "FloorDiv": "floor_div", "Mod": "mod", "Pow": "power",
}  # fmt: skip
_COMPARE: Final = {
    "eq": "equal", "ne": "unequal", "lt": "less", "lteq": "less_equal", "gt": "greater", "gteq": "greater_equal",
    "in": "contains", "notin": "contains_not",
}  # fmt: skip


def _is_defined(compute: Callable[[], Any]) -> bool:
    try:
        compute()
    except ExpressionUndefined:
        return False
    return True


_HELPERS: Final[dict[str, Any]] = {
    "__builtins__": {},
    "Budget": Budget,
    "weigh": weigh,
    "enumerate": enumerate,
    "len": len,
    "is_defined": _is_defined,
    "concat": op.concat,
    "negative": op.negative,
    "positive": op.positive,
    "look_up": op.name,
    "key": op.key,
    "item": op.item,
    "part": op.part,
    "located": op.located,
    **{name: getattr(op, name) for name in (*_BINARY.values(), *_COMPARE.values())},
}


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """What only mappings can name: tables by the name of their lookup, and reusable functions by theirs.

    ``explaining`` has the same functions in the way that tells places.
    """

    lookups: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    explaining: "Library | None" = None


class Emitter:
    """Emits one or several trees that share constants, and gathers what they read.

    ``library`` is there for mappings; only with it can expressions draw randomness and look rows up.
    """

    def __init__(self, *, explain: bool = False, library: Library | None = None) -> None:
        self.paths: set[Path] = set()
        self.grows = False
        self.draws = False
        self._library = library
        self._given: dict[str, str] = {}
        self._explain = explain
        self._names: dict[str, Any] = dict(_HELPERS)
        self._constants: dict[tuple[type, Any], str] = {}
        self._bound: list[dict[str, str]] = []
        self._loops = 0
        self._noted = False
        self._careful = int(explain)
        self._depth = 0
        self._nodes = 0

    # --- results

    def function(self, body: str) -> Callable[[Any], Any]:
        """The compiled function of one argument, the scope."""
        return self.program(["B = Budget()", f"return {body}"], "S")

    def program(self, lines: Iterable[str], arguments: str) -> Callable[..., Any]:
        """The compiled function of these lines, made of what this emitter gave and of fixed words only."""
        source = "".join([f"def evaluate({arguments}):\n", *(f" {line}\n" for line in lines)])
        try:
            code = compile(source, "<expression>", "exec")
        except (SyntaxError, MemoryError, RecursionError):  # the interpreter's own limit of nesting
            raise ExpressionLimit(reason="it is nested too deeply") from None
        exec(code, self._names)  # noqa: S102 - fixed helpers, numbered constants
        compiled: Callable[[Any], Any] = self._names.pop("evaluate")
        return compiled

    def begin_tree(self) -> None:
        """The next tree has the limits of an expression of its own."""
        self._nodes = 0
        self._depth = 0
        self.grows = False
        self.draws = False

    def give(self, name: str, local: str) -> None:
        """A name of the scope that the function has as an argument."""
        self._given[name] = local

    @contextmanager
    def bound(self, names: dict[str, str]) -> Iterator[None]:
        """Names that are variables of the function within, not of the scope."""
        self._bound.append(names)
        yield
        self._bound.pop()

    def constant(self, value: Any) -> str:
        """The name under which a constant is known to the source."""
        hashable = not isinstance(value, list | dict)
        key = (type(value), (value, str(value)) if hashable else id(value))
        if key not in self._constants:
            self._constants[key] = f"k{len(self._constants)}"
            self._names[self._constants[key]] = value
        return self._constants[key]

    # --- trees

    def emit(self, node: nodes.Expr) -> str:
        self._nodes += 1
        self._depth += 1
        if self._nodes > MAX_NODES or self._depth > MAX_DEPTH:
            what = f"has more than {MAX_NODES} parts" if self._nodes > MAX_NODES else "is nested too deeply"
            raise ExpressionLimit(f"it {what}", position=node.lineno, hint="Divide it into several steps or fields.")
        handler = getattr(self, f"_emit_{type(node).__name__.lower()}", None)
        if handler is None:
            raise refused(node, "this is not part of the language")
        code: str = handler(node)
        self._depth -= 1
        return code

    def _placed(self, node: nodes.Node, code: str) -> str:
        return f"located({int(node.lineno)}, lambda: {code})" if self._explain else code

    def _emit_const(self, node: nodes.Const) -> str:
        return self.constant(node.value)

    def _emit_name(self, node: nodes.Name) -> str:
        for level in reversed(self._bound):
            if node.name in level:
                return level[node.name]
        if node.name == "null":
            return self.constant(None)
        if not self._noted:
            self.paths.add((node.name,))
        if node.name in self._given:
            return self._given[node.name]
        known = self.constant(node.name)
        return self._placed(node, f"look_up(S, {known})") if self._careful else f"S[{known}]"

    def _emit_getattr(self, node: nodes.Getattr) -> str:
        return self._look_up(node, node.node, node.attr)

    def _emit_getitem(self, node: nodes.Getitem) -> str:
        index = node.arg
        if isinstance(index, nodes.Const) and isinstance(index.value, str):
            return self._look_up(node, node.node, index.value)
        if isinstance(index, nodes.Slice):
            return self._slice(node, index)
        path = self.constant(described(node))
        return self._placed(node, f"item({self.emit(node.node)}, {self.emit(index)}, {path})")

    def _look_up(self, node: nodes.Expr, holder: nodes.Expr, name: str) -> str:
        noted, self._noted = self._noted, self._noted or self._note_path(node)
        code, known = self.emit(holder), self.constant(name)
        self._noted = noted
        if not self._careful:
            return f"{code}[{known}]"
        return self._placed(node, f"key({code}, {known}, {self.constant(described(node))})")

    def _note_path(self, node: nodes.Expr) -> bool:
        """Note the whole path of a look-up; the shorter paths on the way to it are not noted then."""
        path = static_path(node)
        if path is None:
            return False
        if path[0] != "null" and not any(path[0] in level for level in self._bound):
            self.paths.add(path)
        return True

    def _slice(self, node: nodes.Getitem, index: nodes.Slice) -> str:
        if index.step is not None:
            raise refused(node, "a slice has no step", "Write [start:stop].")
        start, stop = (self.constant(None) if end is None else self.emit(end) for end in (index.start, index.stop))
        return self._placed(node, f"part(B, {self.emit(node.node)}, {start}, {stop})")

    def _binary(self, node: nodes.BinExpr) -> str:
        helper = _BINARY[type(node).__name__]
        self.grows = self.grows or helper == "add"
        return self._placed(node, f"{helper}(B, {self.emit(node.left)}, {self.emit(node.right)})")

    _emit_add = _emit_sub = _emit_mul = _emit_div = _emit_floordiv = _emit_mod = _emit_pow = _binary

    def _emit_neg(self, node: nodes.Neg) -> str:
        return self._placed(node, f"negative({self.emit(node.node)})")

    def _emit_pos(self, node: nodes.Pos) -> str:
        return self._placed(node, f"positive({self.emit(node.node)})")

    def _emit_and(self, node: nodes.And) -> str:
        return f"({self.emit(node.left)} and {self.emit(node.right)})"

    def _emit_or(self, node: nodes.Or) -> str:
        return f"({self.emit(node.left)} or {self.emit(node.right)})"

    def _emit_not(self, node: nodes.Not) -> str:
        return f"(not {self.emit(node.node)})"

    def _emit_compare(self, node: nodes.Compare) -> str:
        if len(node.ops) != 1:
            raise refused(node.expr, "comparisons can not be chained", "Write a < b and b < c.")
        operand = node.ops[0]
        return self._placed(node.expr, f"{_COMPARE[operand.op]}(B, {self.emit(node.expr)}, {self.emit(operand.expr)})")

    def _emit_condexpr(self, node: nodes.CondExpr) -> str:
        if node.expr2 is None:
            raise refused(node, "what holds otherwise is missing", "Write value if condition else other.")
        return f"({self.emit(node.expr1)} if {self.emit(node.test)} else {self.emit(node.expr2)})"

    def _emit_concat(self, node: nodes.Concat) -> str:
        return self._placed(node, f"concat(B, ({''.join(self.emit(part) + ', ' for part in node.nodes)}))")

    def _emit_list(self, node: nodes.List | nodes.Tuple) -> str:
        self.grows = True
        return f"[{', '.join(map(self.emit, node.items))}]"

    _emit_tuple = _emit_list

    def _emit_dict(self, node: nodes.Dict) -> str:
        self.grows = True
        seen: set[str] = set()
        parts = []
        for pair in node.items:
            if not isinstance(pair.key, nodes.Const) or not isinstance(pair.key.value, str):
                raise refused(pair, "a key of an object is a text in quotes", "Write {'key': value}.")
            if pair.key.value in seen:
                raise refused(pair, "a key occurs twice in one object")
            seen.add(pair.key.value)
            parts.append(f"{self.constant(pair.key.value)}: {self.emit(pair.value)}")
        return f"{{{', '.join(parts)}}}"

    def _emit_test(self, node: nodes.Test) -> str:
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise refused(node, "a test takes nothing", "Compare with == or in.")
        if node.name in ("defined", "undefined"):
            with self.carefully():
                code = f"is_defined(lambda: {self.emit(node.node)})"
            return code if node.name == "defined" else f"(not {code})"
        if node.name not in TESTS:
            raise refused(node, f"there is no test {node.name!r}", f"Use one of {', '.join(sorted(TESTS))}.")
        return self._placed(node, f"{self.constant(TESTS[node.name][0])}({self.emit(node.node)})")

    # --- calls

    def _emit_call(self, node: nodes.Call) -> str:
        if not isinstance(node.node, nodes.Name):
            raise refused(node, "values have no methods", "Write upper(name) or name | upper.")
        return self._call(node, node.node.name, list(node.args))

    def _emit_filter(self, node: nodes.Filter) -> str:
        if node.node is None:
            raise refused(node, "this filter has nothing to work on")
        return self._call(node, node.name, [node.node, *node.args])

    def _call(self, node: Any, name: str, arguments: list[nodes.Expr]) -> str:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise refused(node, "arguments can not be unpacked", "Write them one by one.")
        if name == "lookup" and arguments and isinstance(arguments[0], nodes.Const):
            return self._look_row_up(node, arguments)
        function = self._function(node, name)
        self.grows = self.grows or function.grows
        self.draws = self.draws or function.draws
        named = {pair.key: pair.value for pair in node.kwargs}
        parts = [self._argument(parameter, given) for parameter, given in _bind(node, function, arguments, named)]
        return self._placed(node, f"{self.constant(function.call)}({', '.join(['B', *parts])})")

    def _function(self, node: nodes.Node, name: str) -> Function:
        own = self._library.functions if self._library else {}
        function = own.get(name) or FUNCTIONS.get(name)
        if function is None:
            raise refused(node, f"there is no function {name!r}", "See the reference of expressions for all functions.")
        if function.draws and self._library is None:
            raise refused(node, f"{name} is for mappings only", "Draw it in a map step and read its output here.")
        return function

    def _look_row_up(self, node: Any, arguments: list[nodes.Expr]) -> str:
        """A row of a lookup of the mapping: ``lookup('name', key)`` or with a third argument that stands in."""
        tables = self._library.lookups if self._library else {}
        name = arguments[0].value  # type: ignore[attr-defined]  # a constant
        if name not in tables:
            raise refused(node, f"there is no lookup {name!r}", "Name it under lookups with its slug and version.")
        if len(arguments) not in (2, 3) or node.kwargs:
            raise refused(node, "a lookup takes its name, a key and perhaps a default")
        parts = [self.emit(arguments[1])]
        if len(arguments) == 3:
            parts.append(f"(lambda: {self.emit(arguments[2])})")
        return self._placed(node, f"{self.constant(tables[name])}({', '.join(['B', *parts])})")

    def _argument(self, parameter: Parameter, given: nodes.Expr) -> str:
        if parameter.kind == EACH:
            return self._each(given)
        if parameter.kind == LAZY:
            with self.carefully():
                return f"(lambda: {self.emit(given)})"
        code = self.emit(given)
        if parameter.check is None:
            return code
        return self._placed(given, f"{self.constant(parameter.check)}({code})")

    def _each(self, given: nodes.Expr) -> str:
        self._loops += 1
        element, number = f"e{self._loops}", f"n{self._loops}"
        with self.bound({"item": element, "index": number}):
            code = self.emit(given)
        return f"(lambda {element}, {number}: {code})"

    @contextmanager
    def carefully(self) -> Iterator[None]:
        """Where a missing value is an answer, look-ups must tell it from every other failure."""
        self._careful += 1
        yield
        self._careful -= 1


def _bind(
    node: nodes.Node, function: Function, arguments: list[nodes.Expr], named: dict[str, nodes.Expr]
) -> list[tuple[Parameter, nodes.Expr]]:
    """Arguments in the order of the parameters, absent ones filled with their default."""
    usage = f"It is called as {function.signature}."
    if function.loose:
        anything = Parameter("value", "value", None, required=False, many=False)
        return [(anything, one) for one in [*arguments, *named.values()]]
    if function.parameters and function.parameters[-1].many:
        *fixed, rest = function.parameters
        if named or len(arguments) < len(fixed):
            raise refused(node, f"{function.name} is not called so", usage)
        return list(zip([*fixed, *[rest] * (len(arguments) - len(fixed))], arguments, strict=True))
    if len(arguments) > len(function.parameters):
        raise refused(node, f"{function.name} takes fewer arguments", usage)
    bound: list[tuple[Parameter, nodes.Expr]] = list(zip(function.parameters, arguments, strict=False))
    for parameter in function.parameters[len(arguments) :]:
        given = named.pop(parameter.name, None)
        if given is None and parameter.required:
            raise refused(node, f"{function.name} needs {parameter.name}", usage)
        absent = Parameter(parameter.name, "value", None, required=False, many=False)
        bound.append((parameter, given) if given is not None else (absent, _default(parameter, node)))
    if named:
        raise refused(node, f"{function.name} has no argument {min(named)!r} left to give", usage)
    return bound


def _default(parameter: Parameter, node: nodes.Node) -> nodes.Expr:
    return nodes.Const(parameter.default, lineno=node.lineno)


def refused(node: nodes.Node, reason: str, hint: str = "See the reference of expressions.") -> ExpressionSyntax:
    return ExpressionSyntax(reason, hint=hint, position=node.lineno)


def static_path(node: nodes.Expr) -> Path | None:
    """The keys of a look-up made of a name and constant keys only, such as ``a.b['c']``."""
    keys: list[str] = []
    while not isinstance(node, nodes.Name):
        if isinstance(node, nodes.Getattr):
            keys.append(node.attr)
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            keys.append(node.arg.value)
        else:
            return None
        node = node.node
    return (node.name, *reversed(keys))


def described(node: nodes.Expr) -> str:
    """A look-up as the author would write it."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{described(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem):
        index = node.arg
        inner = repr(index.value) if isinstance(index, nodes.Const) else "…"
        return f"{described(node.node)}[{inner}]"
    return "(…)"
