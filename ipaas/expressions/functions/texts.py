"""Functions over text."""

import base64
import binascii
import urllib.parse
from typing import Any

from ipaas.expressions import operators as op
from ipaas.expressions.errors import ExpressionValue
from ipaas.expressions.limits import Budget
from ipaas.expressions.registry import function, spend_text

GROUP = "Texts"


@function(GROUP, ("upper('abc')", "ABC"))
def upper(budget: Budget, text: str) -> str:
    """All letters in upper case."""
    return spend_text(budget, text.upper())


@function(GROUP, ("lower('Alice@Example.ORG')", "alice@example.org"))
def lower(budget: Budget, text: str) -> str:
    """All letters in lower case."""
    return spend_text(budget, text.lower())


@function(GROUP, ("capitalize('berlin')", "Berlin"))
def capitalize(budget: Budget, text: str) -> str:
    """The first letter in upper case, the rest as it is."""
    return spend_text(budget, text[:1].upper() + text[1:])


@function(GROUP, ("trim('  a b ')", "a b"))
def trim(budget: Budget, text: str) -> str:
    """The text without white space at both ends."""
    return spend_text(budget, text.strip())


@function(GROUP, ("replace('a-b-c', '-', '/')", "a/b/c"))
def replace(budget: Budget, text: str, old: str, new: str) -> str:
    """Every occurrence of one text replaced by another."""
    if not old:
        raise ExpressionValue(reason="the text to replace is empty")
    budget.text(len(text))
    count = text.count(old)
    budget.text(len(text) + count * max(len(new) - len(old), 0))
    return text.replace(old, new)


@function(GROUP, ("split('a,b,c', ',')", ["a", "b", "c"]))
def split(budget: Budget, text: str, separator: str) -> list[str]:
    """The pieces between separators."""
    if not separator:
        raise ExpressionValue(reason="the separator is empty")
    budget.text(len(text))
    budget.list(text.count(separator) + 1)
    return text.split(separator)


@function(GROUP, ("join(['a', 1], '-')", "a-1"), ("['x', 'y'] | join", "xy"))
def join(budget: Budget, items: list[Any], separator: str = "") -> str:
    """The elements as text, joined; null, lists and objects are refused."""
    budget.spend(len(items) + 1)
    texts = [op.text_of(item) for item in items]
    budget.text(sum(map(len, texts)) + len(separator) * max(len(texts) - 1, 0))
    return separator.join(texts)


@function(GROUP, ("substring('abcdef', 1, 3)", "bcd"), ("substring('abc', 1)", "bc"))
def substring(budget: Budget, text: str, start: int, length: int = 1_048_576) -> str:
    """A part of a text; positions count from 0, what lies outside is left out."""
    if start < 0 or length < 0:
        raise ExpressionValue(
            reason="start and length can not be negative", hint="Use text[-3:] to count from the end."
        )
    return spend_text(budget, text[start : start + length])


@function(GROUP, ("truncate('a long text', 6)", "a long"))
def truncate(budget: Budget, text: str, length: int) -> str:
    """At most that many characters from the start."""
    return spend_text(budget, text[: max(length, 0)])


@function(GROUP, ("starts_with('order-1', 'order')", True))
def starts_with(_budget: Budget, text: str, start: str) -> bool:
    """Whether a text begins with another."""
    return text.startswith(start)


@function(GROUP, ("ends_with('a.pdf', '.pdf')", True))
def ends_with(_budget: Budget, text: str, end: str) -> bool:
    """Whether a text ends with another."""
    return text.endswith(end)


@function(GROUP, ("contains('abc', 'b')", True), ("contains([1, 2], 3)", False))
def contains(budget: Budget, container: Any, item: Any) -> bool:
    """Whether a text holds a text, a list an element or an object a key; the same as ``item in container``."""
    return op.contains(budget, item, container)


def _padding(budget: Budget, text: str, width: int, fill: str) -> str:
    if len(fill) != 1:
        raise ExpressionValue(reason="the fill is not one character")
    budget.text(max(width, len(text)))
    return fill * (width - len(text))


@function(GROUP, ("pad_left('7', 3, '0')", "007"))
def pad_left(budget: Budget, text: str, width: int, fill: str = " ") -> str:
    """The text filled up at its left to a width; a longer text stays as it is."""
    return _padding(budget, text, width, fill) + text


@function(GROUP, ("pad_right('ab', 4, '.')", "ab.."))
def pad_right(budget: Budget, text: str, width: int, fill: str = " ") -> str:
    """The text filled up at its right to a width; a longer text stays as it is."""
    return text + _padding(budget, text, width, fill)


@function(GROUP, ("text(12.50)", "12.50"), ("text(true)", "true"))
def text(budget: Budget, value: Any) -> str:
    """A number, boolean or text as text; numbers keep their digits."""
    return spend_text(budget, op.text_of(value))


@function(GROUP, ("digits('+49 (30) 12-34')", "49301234"))
def digits(budget: Budget, text: str) -> str:
    """Only the digits 0 to 9 of a text."""
    budget.text(len(text))
    return "".join(character for character in text if character in "0123456789")


@function(GROUP, ("words('  one  two ')", ["one", "two"]))
def words(budget: Budget, text: str) -> list[str]:
    """The pieces between runs of white space."""
    budget.text(len(text))
    return text.split()


@function(GROUP, ("url_encode('a b/c?d')", "a%20b%2Fc%3Fd"))
def url_encode(budget: Budget, text: str) -> str:
    """A text made safe for one segment of a path or one value of a query (RFC 3986)."""
    budget.text(3 * len(text))
    return urllib.parse.quote(text, safe="")


@function(GROUP, ("base64_encode('ä')", "w6Q="))
def base64_encode(budget: Budget, text: str) -> str:
    """The base64 form of a text's UTF-8 (RFC 4648)."""
    return spend_text(budget, base64.b64encode(text.encode()).decode())


@function(GROUP, ("base64_decode('w6Q=')", "ä"))
def base64_decode(budget: Budget, text: str) -> str:
    """The text whose UTF-8 a base64 text holds."""
    budget.text(len(text))
    try:
        found = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise ExpressionValue(reason="this is not base64 of a UTF-8 text") from None
    if "\x00" in found:
        raise ExpressionValue(reason="the decoded text holds a NUL character")
    return found


@function(GROUP, ("length('abc')", 3), ("length([1, 2])", 2))
def length(_budget: Budget, value: Any) -> int:
    """How many characters a text, elements a list or keys an object has."""
    if isinstance(value, str | list | tuple | dict):
        return len(value)
    raise op.wrong_kind(value, "a text, a list or an object")
