"""The one list of functions: what they take, what they say of themselves, and examples that are run."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NewType

from ipaas.core.jsonio import JSON
from ipaas.expressions import operators as op
from ipaas.expressions.limits import Budget

Number = int | Decimal
Each = NewType("Each", Callable[[JSON, int], JSON])  # type: ignore[valid-newtype]  # only a marker of a parameter
"""An expression evaluated for every element, which it calls ``item`` (and its number ``index``)."""
Lazy = NewType("Lazy", Callable[[], JSON])  # type: ignore[valid-newtype]  # only a marker of a parameter
"""An expression whose value may be missing."""

_KINDS: Final[dict[Any, tuple[str, Callable[[JSON], Any] | None]]] = {
    str: ("text", op.as_text),
    int: ("integer", op.as_integer),
    Number: ("number", op.as_number),
    bool: ("boolean", op.as_boolean),
    list[Any]: ("list", op.as_list),
    Mapping[str, Any]: ("object", op.as_object),
    Any: ("value", None),
    Each: ("expression", None),
    Lazy: ("value or missing", None),
}
EACH = "expression"
LAZY = "value or missing"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a function; ``check`` refuses other kinds (None: every kind is welcome)."""

    name: str
    kind: str
    check: Callable[[JSON], Any] | None
    required: bool
    many: bool
    default: JSON = None


@dataclass(frozen=True, slots=True)
class Function:
    """A function that expressions can call.

    ``grows``: its result may be larger than its arguments; ``draws``: it takes recorded randomness, in mappings only;
    ``loose``: it stands in for one that is not at hand, and takes any arguments.
    """

    name: str
    group: str
    parameters: tuple[Parameter, ...]
    call: Callable[..., JSON]
    doc: str
    examples: tuple[tuple[str, JSON], ...]
    grows: bool = False
    draws: bool = False
    loose: bool = False

    @property
    def signature(self) -> str:
        """As the reference shows it: ``pad_left(text: text, width: integer, fill: text = "0")``."""
        return f"{self.name}({', '.join(_shown(each) for each in self.parameters)})"


def _shown(parameter: Parameter) -> str:
    text = f"{parameter.name}{'...' if parameter.many else ''}: {parameter.kind}"
    if parameter.required or parameter.many:
        return text
    return f"{text} = {_literal(parameter.default)}" if parameter.default is not None else f"{text} (optional)"


def _literal(value: JSON) -> str:
    return repr(value) if isinstance(value, str) else op.text_of(value)


FUNCTIONS: dict[str, Function] = {}


def function(
    group: str, *examples: tuple[str, JSON], name: str = "", grows: bool = False, draws: bool = False
) -> Callable[[Callable[..., JSON]], Callable[..., JSON]]:
    """Register a function: kinds of arguments come from its annotations, its doc from its docstring.

    The function takes the ``Budget`` first and spends before it works.
    """

    def register(call: Callable[..., JSON]) -> Callable[..., JSON]:
        known = name or call.__name__.rstrip("_")
        parameters = tuple(map(_parameter, list(inspect.signature(call).parameters.values())[1:]))
        doc = inspect.getdoc(call) or ""
        FUNCTIONS[known] = Function(known, group, parameters, call, doc, examples, grows, draws)
        return call

    return register


def _parameter(given: inspect.Parameter) -> Parameter:
    kind, check = _kind(given.annotation)
    required = given.default is inspect.Parameter.empty
    many = given.kind is inspect.Parameter.VAR_POSITIONAL
    return Parameter(
        given.name.rstrip("_"), kind, check, required and not many, many, None if required else given.default
    )


def _kind(annotation: Any) -> tuple[str, Callable[[JSON], Any] | None]:
    """What a parameter accepts; ``Kind | None`` only says that it may be left out."""
    for known, described in _KINDS.items():
        if annotation == known or annotation == known | None:
            return described
    message = f"no kind of argument for {annotation}"
    raise TypeError(message)


def _is_empty(value: JSON) -> bool:
    return value is None or (isinstance(value, str | list | tuple | Mapping) and len(value) == 0)


TESTS: Final[dict[str, tuple[Callable[[JSON], bool], str]]] = {
    "none": (lambda value: value is None, "is null"),
    "null": (lambda value: value is None, "is null"),
    "string": (lambda value: isinstance(value, str), "is a text"),
    "number": (lambda value: isinstance(value, int | float | Decimal) and not isinstance(value, bool), "is a number"),
    "integer": (
        lambda value: isinstance(value, int) and not isinstance(value, bool),
        "is a whole number without fraction",
    ),
    "boolean": (lambda value: isinstance(value, bool), "is true or false"),
    "true": (lambda value: value is True, "is exactly true"),
    "false": (lambda value: value is False, "is exactly false"),
    "list": (lambda value: isinstance(value, list | tuple), "is a list"),
    "object": (lambda value: isinstance(value, Mapping), "is an object"),
    "empty": (_is_empty, "is null, an empty text, list or object"),
    "even": (lambda value: op.as_integer(value) % 2 == 0, "is an even whole number"),
    "odd": (lambda value: op.as_integer(value) % 2 == 1, "is an odd whole number"),
}


def spend_text(budget: Budget, text: str) -> str:
    """Account for a text that was just made from texts already accounted for."""
    budget.text(len(text))
    return text
