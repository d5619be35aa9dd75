"""Compiled mappings: one pass over the compiled tree builds the target."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from ipaas.core.document_forms import exact
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.expressions import (
    Expression,
    ExpressionError,
    ExpressionUndefined,
    ValueTemplate,
    compile_expression,
    compile_object,
)
from ipaas.mapping.nodes import Constant, Each, Group, Leaf, Node, read_node

MAX_LIST = 10_000
MAX_SECONDS = 10.0
_STOP = "stop at"  # no name that an expression can say

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

    def apply(self, source: Any, scope: Mapping[str, Any] | None = None, *, within_s: float = MAX_SECONDS) -> Any:
        """The target made from ``source`` (named so in expressions) and the other names in ``scope``.

        Raises ``MappingFailed``, which names the field, the expression and the paths it reads, never a value; also
        when lists are not done after ``within_s`` seconds.
        """
        return self.build({**(scope or {}), "source": source, _STOP: time.monotonic() + within_s}, "")


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
    value = exact(value)

    def build(_scope: Scope, _where: str) -> Any:
        return value

    return build


def _group(node: Group, reads: set[str]) -> Build:
    """Plain expressions, however deep, become one compiled function; the rest is built beside it."""
    plain = {key: tree for key, part in node.fields.items() if (tree := _plain(part)) is not None}
    others = [(key, _builder(part, reads)) for key, part in node.fields.items() if key not in plain]
    template = compile_object(plain)
    reads.update(template.names)
    if not others:
        return lambda scope, where: _evaluate(template, scope, where)
    order = list(node.fields)

    def build(scope: Scope, where: str) -> Any:
        target = _evaluate(template, scope, where)
        for key, make in others:
            value = make(scope, f"{where}.{key}" if where else key)
            if value is not _OMIT:
                target[key] = value
        return {key: target[key] for key in order if key in target}

    return build


def _plain(node: Node) -> Any:
    """The tree of a node that is nothing but expressions, None for any other."""
    if isinstance(node, Leaf):
        return node.expr if node.plain else None
    if not isinstance(node, Group):
        return None
    inner = {key: _plain(part) for key, part in node.fields.items()}
    return None if None in inner.values() else inner


def _compiled(text: str, reads: set[str]) -> Expression:
    compiled = compile_expression(text)
    reads.update(compiled.names)
    return compiled


def _leaf(node: Leaf, reads: set[str]) -> Build:
    compiled = _compiled(node.expr, reads)
    if node.plain:
        return lambda scope, where: _evaluate(compiled, scope, where)
    fallback = {"omit": _OMIT, "null": None, "default": exact(node.default)}[node.on_missing]

    def build(scope: Scope, where: str) -> Any:
        try:
            value = compiled.evaluate(scope)
        except ExpressionUndefined:
            return fallback
        except ExpressionError as error:
            raise _failed(compiled, where, error) from error
        return fallback if value is None and node.on_missing == "default" else value

    return build


def _evaluate(compiled: ValueTemplate, scope: Scope, where: str) -> Any:
    try:
        return compiled.evaluate(scope)
    except ExpressionError as error:
        raise _failed(compiled, where, error) from error


def _failed(compiled: ValueTemplate, where: str, error: ExpressionError) -> MappingFailed:
    place = ".".join(filter(None, (where, error.where))) or "(all)"
    source = compile_expression(error.expression) if error.expression else compiled
    return MappingFailed(field=place, expression=error.expression, reads=_reads(source), reason=error.reason)


def _reads(compiled: ValueTemplate) -> str:
    """The longest paths that an expression reads, for people."""
    names = compiled.names
    longest = [name for name in names if not any(other.startswith(f"{name}.") for other in names)]
    return ", ".join(sorted(longest)) or "constants"


def _each(node: Each, reads: set[str]) -> Build:
    items, body = _compiled(node.items, reads), _builder(node.body, reads)
    where = None if node.where is None else _compiled(node.where, reads)

    def build(scope: Scope, place: str) -> Any:
        elements = _list(_evaluate(items, scope, place), items, place)
        target = []
        for index, element in enumerate(elements):
            if time.monotonic() > scope[_STOP]:
                reason = f"it takes too long, {index} of {len(elements)} elements are done"
                raise MappingFailed(field=place, expression=items.text, reads=_reads(items), reason=reason)
            inner = {**scope, node.as_name: element, "loop": {"index": index}}
            if where is not None and not _evaluate(where, inner, f"{place}[{index}]"):
                continue
            value = body(inner, f"{place}[{index}]")
            if value is not _OMIT:
                target.append(value)
        return target

    return build


def _list(value: Any, compiled: Expression, where: str) -> list[Any]:
    problem = ""
    if not isinstance(value, list | tuple):
        problem = f"a list is needed, this is {'null' if value is None else type(value).__name__}"
    elif len(value) > MAX_LIST:
        problem = f"{len(value)} elements are more than {MAX_LIST}"
    if problem:
        raise MappingFailed(field=where, expression=compiled.text, reads=_reads(compiled), reason=problem)
    return list(value)
