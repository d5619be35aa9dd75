"""Compiled mappings: one pass over the compiled tree builds the target."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.expressions import Expression, ExpressionError, compile_expression
from ipaas.mapping.nodes import Constant, Each, Group, Leaf, Node, read_node

MAX_LIST = 10_000

Scope = dict[str, Any]
Build = Callable[[Scope, str], Any]
_OMIT = object()


class MappingFailed(IpaasError):
    """The field {field} could not be made from {reads}: {reason}"""

    status = 422
    code = "mapping.field"
    title = "Mapping failed"
    remedy = "Correct the expression {expression}, or say what an absent input means with on_missing or default."
    error_class: ClassVar[ErrorClass] = ErrorClass.CONTRACT_VIOLATION


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """A mapping ready to run, safe to share; ``reads`` are the dotted paths of the scope that it reads."""

    slug: str
    build: Build
    version_id: UUID | None = None
    sha256: str = ""
    reads: frozenset[str] = field(default_factory=frozenset)

    def apply(self, source: Any, scope: Mapping[str, Any] | None = None) -> Any:
        """The target made from ``source`` (named so in expressions) and the other names in ``scope``.

        Raises ``MappingFailed``, which names the field, the expression and the paths it reads, never a value.
        """
        return self.build({**(scope or {}), "source": source}, "")


def compile(  # noqa: A001 - read as mapping.engine.compile
    content: Mapping[str, Any], *, version_id: UUID | None = None, sha256: str = ""
) -> CompiledMapping:
    """Compile a valid mapping document. Raises ``ExpressionError`` where an expression does not compile."""
    reads: set[str] = set()
    root = read_node({"fields": content["fields"]})
    return CompiledMapping(str(content["slug"]), _builder(root, reads), version_id, sha256, frozenset(reads))


def _builder(node: Node, reads: set[str]) -> Build:
    if isinstance(node, Leaf):
        return _leaf(node, reads)
    if isinstance(node, Constant):
        return _constant(node.value)
    if isinstance(node, Each):
        return _each(node, reads)
    return _group(node, reads)


def _constant(value: Any) -> Build:
    def build(_scope: Scope, _where: str) -> Any:
        return value

    return build


def _group(node: Group, reads: set[str]) -> Build:
    parts = [(key, _builder(part, reads)) for key, part in node.fields.items()]

    def build(scope: Scope, where: str) -> Any:
        target = {}
        for key, make in parts:
            value = make(scope, f"{where}.{key}" if where else key)
            if value is not _OMIT:
                target[key] = value
        return target

    return build


def _compiled(text: str, reads: set[str]) -> Expression:
    compiled = compile_expression(text)
    reads.update(compiled.names)
    return compiled


def _leaf(node: Leaf, reads: set[str]) -> Build:
    compiled = _compiled(node.expr, reads)
    if node.plain:
        return lambda scope, where: _evaluate(compiled, node.expr, scope, where)
    fallback = {"omit": _OMIT, "null": None, "default": node.default}[node.on_missing]

    def build(scope: Scope, where: str) -> Any:
        try:
            value = compiled.evaluate(scope)
        except ExpressionError as error:
            if is_missing(error):
                return fallback
            raise _failed(compiled, node.expr, where, error) from error
        return fallback if value is None and node.on_missing == "default" else value

    return build


def is_missing(error: ExpressionError) -> bool:
    """Whether an expression failed because something that it reads is absent."""
    return error.code == "expression.undefined"


def _evaluate(compiled: Expression, text: str, scope: Scope, where: str) -> Any:
    try:
        return compiled.evaluate(scope)
    except ExpressionError as error:
        raise _failed(compiled, text, where, error) from error


def _failed(compiled: Expression, text: str, where: str, error: ExpressionError) -> MappingFailed:
    reads = ", ".join(sorted(compiled.names)) or "constants"
    return MappingFailed(field=where or "(all)", expression=text, reads=reads, reason=error.detail)


def _each(node: Each, reads: set[str]) -> Build:
    items, body = _compiled(node.items, reads), _builder(node.body, reads)
    where = None if node.where is None else _compiled(node.where, reads)

    def build(scope: Scope, place: str) -> Any:
        elements = _list(_evaluate(items, node.items, scope, place), items, node.items, place)
        target = []
        for index, element in enumerate(elements):
            inner = {**scope, node.as_name: element, "loop": {"index": index}}
            if where is not None and not _evaluate(where, node.where or "", inner, f"{place}[{index}]"):
                continue
            value = body(inner, f"{place}[{index}]")
            if value is not _OMIT:
                target.append(value)
        return target

    return build


def _list(value: Any, compiled: Expression, text: str, where: str) -> list[Any]:
    problem = ""
    if not isinstance(value, list | tuple):
        problem = f"a list is needed, this is {'null' if value is None else type(value).__name__}"
    elif len(value) > MAX_LIST:
        problem = f"{len(value)} elements are more than {MAX_LIST}"
    if problem:
        reads = ", ".join(sorted(compiled.names)) or "constants"
        raise MappingFailed(field=where, expression=text, reads=reads, reason=problem)
    return list(value)
