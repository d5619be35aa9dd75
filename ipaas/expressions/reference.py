"""The reference of the language as Markdown, made from the registry so that it can not go stale."""

from ipaas.core.jsonio import JSON, dumps
from ipaas.expressions import limits
from ipaas.expressions.registry import FUNCTIONS, TESTS, Function

_INTRODUCTION = """\
# Expressions

An expression computes one value from JSON data: `order.total * 2`, `upper(customer.name)`,
`order.lines | map(item.sku) | join(', ')`. The syntax is that of Jinja's expressions; statements, includes, macros
and methods do not exist. Expressions stand bare where a field says so (conditions, mapping fields) and between
`{{` and `}}` inside texts elsewhere. A text that is one `{{ expression }}` and nothing else keeps the type of its
value; any other text with expressions is text.

## Values

null, booleans, numbers, texts, lists and objects, as in JSON. Whole numbers are exact up to 40 digits. Other
numbers are decimals with 34 significant digits, never binary fractions, so `0.1 + 0.2 == 0.3`. Dates and times are
texts in the form of ISO 8601; the wall clock is never read.

## Looking up

`a.b`, `a['b']` and `a.b[0]` look up keys and elements; `items[-1]` is the last element and `text[2:5]` a part. A
path that leads nowhere is an error that names the path; `default(a.b, 0)` and `a.b is defined` deal with it.

## Operators

| operator | meaning |
|---|---|
| `+ - * / // % **` | numbers; `/` has 34 digits, `//` rounds down, `%` has the sign of the divisor |
| `+` | also joins two texts or two lists |
| `~` | joins texts, numbers and booleans as text; null is refused |
| `== !=` | equal by value: `1 == 1.0`, but `1 != true` |
| `< <= > >=` | two numbers or two texts |
| `in`, `not in` | a text in a text, an element in a list, a key in an object |
| `and or not` | null, false, 0 and what is empty count as false; `a or b` is `a` unless that counts as false |
| `x if condition else y` | one of two |
| `value \\| name(arguments)` | the same as `name(value, arguments)` |
"""


def render_reference() -> str:
    """The whole page; ``docs/reference/expressions.md`` is its copy."""
    parts = [_INTRODUCTION, _tests(), _limits()]
    groups = sorted({each.group for each in FUNCTIONS.values()})
    for group in groups:
        members = sorted((each for each in FUNCTIONS.values() if each.group == group), key=lambda each: each.name)
        parts.append(f"## {group}\n\n" + "\n".join(map(_function, members)))
    return "\n".join(parts)


def _tests() -> str:
    lines = "\n".join(f"| `x is {name}` | {meaning} |" for name, (_, meaning) in sorted(TESTS.items()))
    return (
        "## Tests\n\n| test | true when x |\n|---|---|\n"
        "| `x is defined` | the path of x leads somewhere |\n| `x is undefined` | the path of x leads nowhere |\n"
        f"{lines}\n\n`x is not empty` is the opposite of `x is empty`, and so on.\n"
    )


def _limits() -> str:
    return (
        "## Limits\n\n| what | at most |\n|---|---|\n"
        f"| one expression | {limits.MAX_SOURCE:,} characters, {limits.MAX_NODES:,} parts, "
        f"{limits.MAX_DEPTH} levels |\n"
        f"| a text that is made | {limits.MAX_TEXT:,} characters |\n"
        f"| a list that is made | {limits.MAX_LIST:,} elements |\n"
        f"| one evaluation | {limits.MAX_STEPS:,} steps (an element visited, or 16 characters made), "
        f"{limits.MAX_SECONDS:g} s |\n"
    )


def _function(function: Function) -> str:
    examples = "\n".join(f"{text}  →  {_shown(value)}" for text, value in function.examples)
    return f"### {function.name}\n\n`{function.signature}`\n\n{function.doc}\n\n```text\n{examples}\n```\n"


def _shown(value: JSON) -> str:
    return dumps(value).decode()
