"""Functions for missing values, JSON, hashes and kinds."""

import hashlib
import uuid
from typing import Any

from ipaas.core import jsonio
from ipaas.core.jsonio import JSON
from ipaas.expressions import operators as op
from ipaas.expressions.errors import ExpressionUndefined, ExpressionValue
from ipaas.expressions.limits import Budget, weigh
from ipaas.expressions.registry import Lazy, function

GROUP = "Missing values, JSON and hashes"


def _or_none(value: Any) -> JSON:
    try:
        return value()
    except ExpressionUndefined:
        return None


@function(GROUP, ("default(none, 5)", 5), ("default('a', 5)", "a"), ("{'a': 1}.b | default('?')", "?"))
def default(_budget: Budget, value: Lazy, instead: Lazy) -> JSON:
    """The value, or another where it is missing or null."""
    found = _or_none(value)
    return instead() if found is None else found


@function(GROUP, ("coalesce(none, {'a': 1}.b, 3)", 3))
def coalesce(_budget: Budget, *values: Lazy) -> JSON:
    """The first value that is neither missing nor null; null where there is none."""
    for value in values:
        found = _or_none(value)
        if found is not None:
            return found
    return None


@function(GROUP, ("""to_json({'b': 1.50})""", '{"b":1.50}'))
def to_json(budget: Budget, value: Any) -> str:
    """The compact JSON text of a value."""
    text = jsonio.dumps(weigh(budget, value)).decode()
    budget.text(len(text))
    return text


@function(GROUP, ("""from_json('{"a": [1.50]}').a[0]""", jsonio.loads("1.50")))
def from_json(budget: Budget, text: str) -> JSON:
    """The value that a JSON text writes, read as strictly as every document."""
    budget.text(len(text))
    budget.spend(len(text))
    try:
        return jsonio.loads(text)
    except jsonio.JsonInvalid as error:
        raise ExpressionValue(f"this is not accepted as JSON ({error.code})") from None


@function(
    GROUP,
    ("sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("sha256({'a': 1.0}) == sha256({'a': 1})", True),
)
def sha256(budget: Budget, value: Any) -> str:
    """SHA-256 in hex: of a text's UTF-8, or of the canonical JSON of any other value."""
    weigh(budget, value)
    return hashlib.sha256(value.encode() if isinstance(value, str) else jsonio.canonical(value)).hexdigest()


@function(
    GROUP,
    (
        "uuid5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', 'https://example.org/1')",
        str(uuid.uuid5(uuid.NAMESPACE_URL, "https://example.org/1")),
    ),
)
def uuid5(budget: Budget, namespace: str, name: str) -> str:
    """The UUID of version 5 (RFC 9562) that a name always has in a namespace, which is a UUID itself."""
    budget.text(len(name))
    try:
        space = uuid.UUID(namespace)
    except ValueError:
        raise ExpressionValue(reason="the namespace is not a UUID") from None
    return str(uuid.uuid5(space, name))


@function(GROUP, ("kind(1.5)", "number"), ("kind([])", "list"), ("kind(none)", "null"))
def kind(_budget: Budget, value: Any) -> str:
    """null, boolean, number, text, list or object."""
    return op.kind_of(value).removeprefix("an ").removeprefix("a ")


@function(GROUP, ("fail_if(1 > 2, 'too many', 5)", 5))
def fail_if(_budget: Budget, condition: bool, message: str, otherwise: Any = None) -> JSON:
    """Ends the evaluation with an error of your words when the condition holds."""
    if condition:
        raise ExpressionValue(message[:200], hint="The author of this expression put this condition.")
    return otherwise
