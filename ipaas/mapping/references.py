"""Which names of its scope an expression uses, found without running it."""

from collections.abc import Iterator
from typing import Any

from ipaas.core.document_forms import Finding, did_you_mean
from ipaas.core.phrases import said
from ipaas.expressions import Expression, ExpressionError, Library, ValueTemplate, compile_expression, compile_value
from ipaas.expressions.parsing import split_text

Names = frozenset[str]


def paths_of(compiled: Expression | ValueTemplate) -> set[tuple[str, ...]]:
    """The paths that an expression or a value tree reads, the longest known ones only."""
    every = set(compiled.paths)
    return every - {path[:end] for path in every for end in range(1, len(path))}


def expression_findings(
    text: Any, path: str, known: Names, library: Library | None = None
) -> tuple[list[Finding], set[tuple[str, ...]]]:
    """Problems of a bare expression and the paths it reads; with a library it may say what only mappings can."""
    try:
        compiled = compile_expression(text, library)
    except ExpressionError as error:
        return [Finding(path, error.code, error.detail)], set()
    paths = paths_of(compiled)
    return list(_unknown(paths, path, known)), paths


def template_findings(template: str, path: str, known: Names, library: Library) -> Iterator[Finding]:
    """Problems of a text with ``{{ expression }}`` in it, where every expression is one of a mapping."""
    try:
        pieces = split_text(template)
    except ExpressionError as error:
        yield Finding(path, error.code, error.detail)
        return
    for piece in pieces:
        if not isinstance(piece, str):
            yield from expression_findings(piece[0], path, known, library)[0]


def value_findings(tree: Any, path: str, known: Names) -> tuple[list[Finding], set[tuple[str, ...]]]:
    """Problems of a value tree with ``{{ expression }}`` in its texts, and the paths it reads."""
    try:
        compiled = compile_value(tree)
    except ExpressionError as error:
        return [Finding(path, error.code, error.detail)], set()
    paths = paths_of(compiled)
    return list(_unknown(paths, path, known)), paths


def _unknown(paths: set[tuple[str, ...]], path: str, known: Names) -> Iterator[Finding]:
    for root in sorted({parts[0] for parts in paths} - known):
        yield Finding(
            path,
            "expression.unknown_name",
            said("nothing is called {root!r} here{hint}", root=root, hint=did_you_mean(root, known)),
        )
