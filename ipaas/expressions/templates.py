"""Compiled expressions and trees of values, safe to share between threads."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ipaas.core.jsonio import JSON
from ipaas.expressions.compiler import Emitter, Library, Path
from ipaas.expressions.errors import ExpressionError, ExpressionLimit, ExpressionType
from ipaas.expressions.operators import as_boolean
from ipaas.expressions.parsing import parse, split_text

Scope = Mapping[str, Any]
FAILURES = (ExpressionError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)
_MAX_TREE_DEPTH = 64
_MAX_TREE_TEXTS = 5_000


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One text of a tree that holds expressions: where it is and its pieces (one piece: keeps its type)."""

    where: str
    text: str
    pieces: tuple[str | tuple[str, int], ...]
    bare: bool

    def emit(self, emitter: Emitter) -> str:
        """Source of the value of this text."""
        parts = [self._emit_piece(emitter, piece) for piece in self.pieces]
        if self.keeps_type:
            return parts[0]
        return f"concat(B, ({''.join(part + ', ' for part in parts)}))"

    @property
    def keeps_type(self) -> bool:
        return len(self.pieces) == 1 and not isinstance(self.pieces[0], str)

    def _emit_piece(self, emitter: Emitter, piece: str | tuple[str, int]) -> str:
        if isinstance(piece, str):
            return emitter.constant(piece)
        text, offset = piece
        try:
            emitter.begin_tree()
            code = emitter.emit(parse(text))
        except ExpressionError as error:
            raise self._moved(error, offset) from None
        return f"weigh(B, {code})" if emitter.grows else code

    def _moved(self, error: ExpressionError, offset: int) -> ExpressionError:
        if error.expression == self.text and not self.bare:
            return error.located(where=self.where)
        position = None if error.position is None else error.position + offset
        return type(error)(
            error.reason, hint=error.hint, position=position, expression=self.text, where=self.where, path=error.path
        )

    def explain(self, scope: Scope) -> JSON:
        """The value, evaluated piece by piece so that an error knows its place."""
        values = []
        for piece in self.pieces:
            if isinstance(piece, str):
                values.append(piece)
                continue
            emitter = Emitter(explain=True)
            code = emitter.emit(parse(piece[0]))
            run = emitter.function(f"weigh(B, {code})" if emitter.grows else code)
            try:
                value = run(scope)
                if not self.keeps_type:
                    Emitter().function("concat(B, (S, ))")(value)
            except ExpressionError as error:
                raise self._moved(error, piece[1]) from None
            except RecursionError:
                raise ExpressionLimit(reason="the data is nested too deeply", expression=self.text) from None
            values.append(value)
        return values[0] if self.keeps_type else "".join(map(str, values))


@dataclass(frozen=True, slots=True)
class ValueTemplate:
    """A compiled tree; ``paths`` is what it reads of the scope, as far as that can be said without running it."""

    run: Callable[[Scope], JSON] = field(repr=False)
    leaves: tuple[_Leaf, ...] = field(repr=False)
    paths: frozenset[Path]

    def evaluate(self, scope: Scope) -> JSON:
        """The tree with every expression replaced by its value. Raises ``ExpressionError`` and nothing else."""
        try:
            return self.run(scope)
        except FAILURES as failure:
            raise self._explained(scope, failure) from None

    def _explained(self, scope: Scope, failure: BaseException) -> ExpressionError:
        if isinstance(failure, ExpressionLimit):
            return failure.located(expression=self.leaves[0].text if len(self.leaves) == 1 else "")
        try:
            for leaf in self.leaves:
                leaf.explain(scope)
        except ExpressionError as error:
            return error
        except FAILURES as again:
            failure = again
        if isinstance(failure, ExpressionError):
            return failure
        return ExpressionType(reason="the data is not JSON", hint="Put only JSON values in scope.")

    @property
    def names(self) -> frozenset[str]:
        """``paths`` in dotted form: ``steps.charge.output``."""
        return frozenset(".".join(path) for path in self.paths)

    @property
    def references(self) -> frozenset[str]:
        """The same as ``names``."""
        return self.names


class Expression(ValueTemplate):
    """One compiled bare expression."""

    __slots__ = ()

    @property
    def text(self) -> str:
        return self.leaves[0].text

    def holds(self, scope: Scope) -> bool:
        """The value of a condition, which must be true or false."""
        value = self.evaluate(scope)
        try:
            return as_boolean(value)
        except ExpressionError as error:
            raise error.located(expression=self.text) from None


def _bare(text: str, where: str = "") -> _Leaf:
    return _Leaf(where, text, ((text, 0),), bare=True)


@functools.lru_cache(maxsize=4096)
def compile_expression(text: str, library: Library | None = None) -> Expression:
    """Compile a bare expression (no braces around it); the same text is compiled once.

    With a library it may say what only mappings can; it is then for checking, not for evaluating. Raises
    ``ExpressionError`` that says where and what to do; nothing of the expression is evaluated here.
    """
    leaf, emitter = _bare(text), Emitter(library=library)
    return Expression(emitter.function(leaf.emit(emitter)), (leaf,), frozenset(emitter.paths))


def compile_value(tree: JSON) -> ValueTemplate:
    """Compile a tree of JSON whose texts may hold ``{{ expression }}``.

    A text that is one expression and nothing else keeps the type of its value; any other text with expressions
    is text; every other value, and every key, stands for itself.
    """
    return _Tree(bare=False).compile(tree)


def compile_object(fields: Mapping[str, Any]) -> ValueTemplate:
    """One function for a whole target: every text in ``fields``, however nested, is a bare expression."""
    return _Tree(bare=True).compile(fields)


class _Tree:
    """Compiles a tree of values into one function."""

    def __init__(self, *, bare: bool) -> None:
        self._texts_are_bare = bare
        self._emitter = Emitter()
        self._leaves: list[_Leaf] = []

    def compile(self, tree: JSON) -> ValueTemplate:
        run = self._emitter.function(self._emit(tree, "", 0))
        return ValueTemplate(run, tuple(self._leaves), frozenset(self._emitter.paths))

    def _emit(self, value: JSON, where: str, depth: int) -> str:
        if depth > _MAX_TREE_DEPTH:
            raise ExpressionLimit(reason="the values are nested too deeply", where=where)
        if isinstance(value, str):
            return self._text(value, where)
        if isinstance(value, Mapping):
            inner = f"{where}." if where else ""
            parts = [
                f"{self._emitter.constant(str(key))}: {self._emit(item, f'{inner}{key}', depth + 1)}"
                for key, item in value.items()
            ]
            return f"{{{', '.join(parts)}}}"
        if isinstance(value, list | tuple):
            return f"[{', '.join(self._emit(item, f'{where}[{n}]', depth + 1) for n, item in enumerate(value))}]"
        return self._emitter.constant(value)

    def _text(self, text: str, where: str) -> str:
        if self._texts_are_bare:
            leaf = _bare(text, where)
        else:
            pieces = self._split(text, where)
            if all(isinstance(piece, str) for piece in pieces):
                return self._emitter.constant(text)
            leaf = _Leaf(where, text, tuple(pieces), bare=False)
        self._leaves.append(leaf)
        if len(self._leaves) > _MAX_TREE_TEXTS:
            raise ExpressionLimit(f"there are more than {_MAX_TREE_TEXTS} expressions")
        return leaf.emit(self._emitter)

    def _split(self, text: str, where: str) -> list[str | tuple[str, int]]:
        try:
            return split_text(text)
        except ExpressionError as error:
            raise error.located(where=where, expression=text) from None
