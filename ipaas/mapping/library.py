"""What a mapping or a function names: its lookups and reusable functions, compiled."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from ipaas.core.document_forms import exact
from ipaas.expressions import FUNCTIONS, ExpressionError, Library
from ipaas.expressions import operators as op
from ipaas.expressions.compiler import Emitter
from ipaas.expressions.limits import Budget
from ipaas.expressions.parsing import parse
from ipaas.expressions.registry import Function, Parameter
from ipaas.expressions.templates import FAILURES
from ipaas.mapping.lookups import compile_lookup

Resolve = Callable[[str, str], Mapping[str, Any]]
"""The content of a document by its kind (``lookup``, ``function``) and its reference (``slug@version``)."""

GROUP: Final = "Functions of the workspace"
CHECKS: Final[dict[str, Callable[[Any], Any] | None]] = {
    "text": op.as_text,
    "number": op.as_number,
    "integer": op.as_integer,
    "boolean": op.as_boolean,
    "list": op.as_list,
    "object": op.as_object,
    "value": None,
}
CALL_STEPS: Final = 4
MAX_NESTING: Final = 20


def library_of(content: Mapping[str, Any], resolve: Resolve | None, above: tuple[str, ...] = ()) -> Library:
    """The lookups and functions that a document names. Raises ``ExpressionError``, also where they go in a circle."""
    named = content.get("lookups", {}), content.get("functions", {})
    if not any(named):
        return NO_LIBRARY
    if resolve is None:
        raise ExpressionError("lookups and functions need a place to come from", hint="Give the documents along.")
    lookups = {name: compile_lookup(resolve("lookup", ref)).bind(name) for name, ref in named[0].items()}
    found = {name: _function(name, resolve("function", ref), resolve, above) for name, ref in named[1].items()}
    slow = Library(lookups, {name: pair[1] for name, pair in found.items()})
    return Library(lookups, {name: pair[0] for name, pair in found.items()}, slow)


NO_LIBRARY: Final = Library()


def _function(
    name: str, content: Mapping[str, Any], resolve: Resolve, above: tuple[str, ...]
) -> tuple[Function, Function]:
    """A function in both ways: the fast one, and the one that explains."""
    slug = str(content["slug"])
    if slug in above or len(above) >= MAX_NESTING:
        way = " → ".join((*above, slug))
        raise ExpressionError(f"functions go in a circle: {way}", hint="Let one of them do without the other.")
    library = library_of(content, resolve, (*above, slug))
    return tuple(compile_function(name, content, library, explain=explain) for explain in (False, True))  # type: ignore[return-value]  # two


def compile_function(name: str, content: Mapping[str, Any], library: Library, *, explain: bool = False) -> Function:
    """The function of a valid document, under the name by which it is called."""
    given = content.get("parameters", [])
    emitter = Emitter(explain=explain, library=library)
    variables = {one["name"]: f"p_{number}" for number, one in enumerate(given)}
    with emitter.bound(variables):
        try:
            code = emitter.emit(parse(content["expr"]))
        except ExpressionError as error:
            raise error.located(expression=content["expr"]) from None
    body = f"weigh(B, {code})" if emitter.grows else code
    lines = [f"B.spend({CALL_STEPS})", f"return {body}"]
    run = emitter.program(lines, ", ".join(["B", *variables.values()]))
    return Function(
        name,
        GROUP,
        tuple(map(_parameter, given)),
        _telling(run, str(content["slug"])) if explain else run,
        str(content.get("description") or content["title"]),
        (),
        grows=True,
        draws=emitter.draws,
    )


def signature_of(name: str, parameters: Sequence[Mapping[str, Any]]) -> str:
    """How a function of a document is called under a name, as the reference of the language shows its own."""
    return Function(name, GROUP, tuple(map(_parameter, parameters)), _nothing, "", ()).signature


def _parameter(one: Mapping[str, Any]) -> Parameter:
    kind = one.get("kind", "value")
    required = "default" not in one
    return Parameter(one["name"], kind, CHECKS[kind], required, many=False, default=exact(one.get("default")))


def _telling(run: Callable[..., Any], slug: str) -> Callable[..., Any]:
    """The function with its own name in its errors; where it was called is told by the caller."""

    def call(budget: Budget, *arguments: Any) -> Any:
        try:
            return run(budget, *arguments)
        except ExpressionError as error:
            raise type(error)(f"in the function {slug}: {error.reason}", hint=error.hint, path=error.path) from None

    return call


def evaluate(function: Function, arguments: Mapping[str, Any], budget: Budget) -> Any:
    """The value for arguments given by name, as examples give them. Raises ``ExpressionError``."""
    try:
        values = []
        for one in function.parameters:
            if one.required and one.name not in arguments:
                raise ExpressionError(f"{one.name} is not given", hint=f"It is called as {function.signature}.")
            value = arguments.get(one.name, one.default)
            values.append(value if one.check is None or one.name not in arguments else one.check(value))
        return function.call(budget, *values)
    except ExpressionError:
        raise
    except FAILURES as failure:
        raise ExpressionError(f"it fails ({type(failure).__name__})") from None


def stand_in(content: Mapping[str, Any]) -> Library:
    """A library for checking names alone, where the documents are not at hand: any call is taken."""
    return _stand_in(frozenset(_names(content, "lookups")), frozenset(_names(content, "functions")))


def _names(content: Mapping[str, Any], key: str) -> list[str]:
    named = content.get(key)
    return [str(name) for name in named] if isinstance(named, dict) else []


@lru_cache(maxsize=256)
def _stand_in(lookups: frozenset[str], functions: frozenset[str]) -> Library:
    anything = {name: Function(name, GROUP, (), _nothing, "", (), grows=True, loose=True) for name in functions}
    return Library(dict.fromkeys(lookups, _nothing), anything)


def _nothing(*_arguments: Any) -> None:
    return None


def shadowed(names: Mapping[str, Any]) -> list[str]:
    """Names that a function of the language has already."""
    return sorted(set(names) & set(FUNCTIONS))
