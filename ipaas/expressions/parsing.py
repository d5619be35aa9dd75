"""From text to syntax tree, by Jinja2's own lexer and parser; positions are character offsets."""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Token, TokenStream, operators
from jinja2.parser import Parser

from ipaas.core.jsonio import JsonLimits
from ipaas.expressions.errors import ExpressionLimit, ExpressionSyntax
from ipaas.expressions.limits import MAX_SOURCE

MAX_TEXT_SOURCE = 262_144
MAX_HOLES = 500

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "/": "/", "\n": ""}
_FORBIDDEN = re.compile(r"[\x00\ud800-\udfff]")
_SKIPPED = frozenset({"whitespace", "comment"})
_WRITE_SO = "Write one expression, such as order.total * 2 or upper(customer.name)."


class _Environment(Environment):
    """Gives the parser tokens whose line number is the character offset, and exact decimals."""

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        return TokenStream(_tokens(source), name, filename)


_environment = _Environment(optimized=False, autoescape=False)


@lru_cache(maxsize=1024)
def parse(text: str) -> nodes.Expr:
    """The tree of one bare expression; every node's ``lineno`` is its offset in the text.

    The same text gives the same tree, which nobody may change.
    """
    if len(text) > MAX_SOURCE:
        raise ExpressionLimit(f"an expression of {len(text)} characters is too long, {MAX_SOURCE} are allowed")
    if not text.strip():
        raise ExpressionSyntax(reason="the expression is empty", hint=_WRITE_SO, position=0)
    try:
        parser = Parser(_environment, text, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise ExpressionSyntax(
                reason="something follows after the end of the expression",
                hint=_WRITE_SO,
                position=parser.stream.current.lineno,
                expression=text,
            )
    except TemplateSyntaxError as error:
        position = min(error.lineno, len(text))
        raise ExpressionSyntax(_reason(error), hint=_WRITE_SO, position=position, expression=text) from None
    except RecursionError:
        raise ExpressionLimit(reason="it is nested too deeply", expression=text) from None
    return tree


def _reason(error: TemplateSyntaxError) -> str:
    message = (error.message or "it is not an expression").rstrip(".").replace("end of template", "end")
    return "a quote is not closed" if message.startswith(('unexpected char "\'"', "unexpected char '\"'")) else message


def _raw_tokens(source: str) -> Iterator[tuple[int, str, str]]:
    """Offset, type and text of each token."""
    offset = 0
    try:
        for _line, kind, value in _environment.lexer.tokeniter(source, None, None, "variable"):
            yield offset, kind, value
            offset += len(value)
    except TemplateSyntaxError as error:
        raise TemplateSyntaxError(_reason(error), offset) from None


def _tokens(source: str) -> Iterator[Token]:
    for offset, kind, value in _raw_tokens(_one_line(source)):
        if kind in _SKIPPED:
            continue
        if kind == "operator":
            yield Token(offset, operators[value], value)
        elif kind in _CONVERSIONS:
            yield Token(offset, kind, _CONVERSIONS[kind](value, offset))
        elif kind == "name":
            if not value.isidentifier():
                raise TemplateSyntaxError(message="a name holds a character that is not allowed", lineno=offset)
            yield Token(offset, kind, value)
        else:
            raise TemplateSyntaxError(f"unexpected {value.strip()[:20]!r}", offset)


def _string(value: str, offset: int) -> str:
    def replace(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        if code is None:
            return _SIMPLE.get(match[4], match[0])
        if int(code, 16) > 0x10FFFF:
            raise TemplateSyntaxError(message="an escape names no character", lineno=offset)
        return chr(int(code, 16))

    found = _ESCAPE.sub(replace, value[1:-1])
    if _FORBIDDEN.search(found):
        raise TemplateSyntaxError(message="a text holds NUL or half of a surrogate pair", lineno=offset)
    return found


def _integer(value: str, offset: int) -> int:
    if len(value) > JsonLimits.MAX_DIGITS:
        raise TemplateSyntaxError(message="a number is too long", lineno=offset)
    return int(value.replace("_", ""), 0)


def _decimal(value: str, offset: int) -> Decimal:
    try:
        number = Decimal(value.replace("_", ""))
    except InvalidOperation:
        raise TemplateSyntaxError(message="a number is too large", lineno=offset) from None
    if len(value) > JsonLimits.MAX_DIGITS or abs(number.adjusted()) > 200:
        raise TemplateSyntaxError(message="a number is too long", lineno=offset)
    return number


_CONVERSIONS: dict[str, Any] = {"string": _string, "integer": _integer, "float": _decimal}


def split_text(text: str) -> list[str | tuple[str, int]]:
    """Literal pieces and, as (expression, offset in the text), what stands between ``{{`` and ``}}``."""
    if len(text) > MAX_TEXT_SOURCE:
        raise ExpressionLimit(f"a text of {len(text)} characters is too long, {MAX_TEXT_SOURCE} are allowed")
    pieces: list[str | tuple[str, int]] = []
    start = 0
    while (begin := text.find("{{", start)) >= 0:
        if begin > start:
            pieces.append(_literal(text[start:begin], start))
        end, start = _hole_end(text, begin + 2)
        pieces.append((text[begin + 2 : end], begin + 2))
        if len(pieces) > MAX_HOLES:
            raise ExpressionLimit(f"a text has more than {MAX_HOLES} pieces")
    if start < len(text):
        pieces.append(_literal(text[start:], start))
    return pieces


def _literal(piece: str, start: int) -> str:
    if "{%" in piece:
        raise ExpressionSyntax(
            reason="statements are not part of the language",
            hint="Write {{ expression }}; for the two characters themselves write {{ '{%' }}.",
            position=start + piece.index("{%"),
        )
    return piece


def _hole_end(text: str, begin: int) -> tuple[int, int]:
    """Where the expression that begins here ends, and where the text goes on."""
    if text[begin : begin + 1] in ("-", "+"):
        raise ExpressionSyntax(
            reason="white space control is not part of the language",
            hint="Leave a space after {{.",
            position=begin,
            expression=text,
        )
    rest = text[begin : begin + MAX_SOURCE + 2]
    try:
        for offset, kind, value in _raw_tokens(_one_line(rest)):
            if kind == "variable_end":
                if value != "}}":
                    raise TemplateSyntaxError(message="white space control is not part of the language", lineno=offset)
                return begin + offset, begin + offset + 2
    except TemplateSyntaxError as error:
        raise ExpressionSyntax(
            _reason(error), hint=_WRITE_SO, position=min(begin + error.lineno, len(text)), expression=text
        ) from None
    raise ExpressionSyntax(
        reason="the closing }} is missing",
        hint="Close the expression with }}.",
        position=begin - 2,
        expression=text,
    )


def _one_line(source: str) -> str:
    """The lexer joins lines anew and drops the last break: without breaks offsets stay true."""
    return re.sub(r"[\r\n\u2028\u2029\x0b\x0c\x85]", " ", source)
