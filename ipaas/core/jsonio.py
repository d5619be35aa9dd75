"""The one JSON reader and writer: strict, bounded and exact.

What RFC 8259 leaves open is decided here: duplicate keys, non-finite numbers, lone surrogates and NUL are
refused; a number without fraction and exponent is an ``int``, any other is a ``Decimal`` with the digits as
written. Every limit is checked in time linear in the input.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, NoReturn, TypeAlias

import orjson

from ipaas.core.errors import IpaasError

JSON: TypeAlias = Any
"""``None``, ``bool``, ``int``, ``Decimal``, ``str``, ``list`` of JSON or ``dict`` from ``str`` to JSON."""


class JsonInvalid(IpaasError):
    """The JSON document is not accepted: {reason}{where}."""

    code = "json.invalid"
    title = "Invalid JSON"
    remedy = "Send one JSON document (RFC 8259) in UTF-8."

    def __init__(self, *, reason: str, offset: int | None = None, **params: Any) -> None:
        """``offset`` counts characters from the start of the document."""
        self.offset = offset
        where = "" if offset is None else f" at character {offset}"
        super().__init__(reason=reason, where=where, **params)


class JsonSyntax(JsonInvalid):
    """The text is not JSON: {reason}{where}."""

    code = "json.syntax"


class JsonEncoding(JsonInvalid):
    """The text is not proper Unicode: {reason}{where}."""

    code = "json.encoding"
    remedy = "Send UTF-8 without NUL characters and without half surrogate pairs."


class JsonDuplicateKey(JsonInvalid):
    """The JSON document is ambiguous: {reason}{where}."""

    code = "json.duplicate_key"
    remedy = "Write every key once per object."


class JsonNumber(JsonInvalid):
    """A number of the JSON document is not accepted: {reason}{where}."""

    code = "json.number"
    remedy = "Send numbers of ordinary length, or send long ones as strings."


class JsonTooLarge(JsonInvalid):
    """The JSON document is too large: {reason}{where}."""

    status = 413
    code = "json.too_large"
    title = "JSON too large"
    remedy = "Send less at once."


class JsonTooDeep(JsonInvalid):
    """The JSON document is nested too deeply: {reason}{where}."""

    code = "json.too_deep"
    remedy = "Flatten the document."


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """Bounds of one document; characters for strings, significant digits for numbers."""

    max_bytes: int = 2 * 1024 * 1024
    max_depth: int = 64
    max_keys: int = 100_000
    max_string: int = 1024 * 1024

    MAX_DIGITS: ClassVar[int] = 40
    MAX_EXPONENT: ClassVar[int] = 308


DEFAULT = JsonLimits()

_MAX_NUMBER_TEXT = JsonLimits.MAX_DIGITS + 8  # sign, point, E, sign and three digits of exponent, one leading zero
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonDuplicateKey(reason=f"the key {_shown(key)} occurs twice in one object")
            seen.add(key)
    return found


def _integer(text: str) -> int:
    if len(text) > JsonLimits.MAX_DIGITS + (text[0] == "-"):
        raise JsonNumber(reason=f"an integer has more than {JsonLimits.MAX_DIGITS} digits")
    return int(text)


def _decimal(text: str) -> Decimal:
    if len(text) > _MAX_NUMBER_TEXT:
        raise JsonNumber(reason=f"a number has more than {JsonLimits.MAX_DIGITS} digits")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise JsonNumber(reason=f"an exponent is beyond {JsonLimits.MAX_EXPONENT}") from None
    if len(number.as_tuple().digits) > JsonLimits.MAX_DIGITS:
        raise JsonNumber(reason=f"a number has more than {JsonLimits.MAX_DIGITS} digits")
    if abs(number.adjusted()) > JsonLimits.MAX_EXPONENT:
        raise JsonNumber(reason=f"an exponent is beyond {JsonLimits.MAX_EXPONENT}")
    return number


def _constant(text: str) -> NoReturn:
    raise JsonNumber(reason=f"{text} is not a JSON number")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=_constant
)


def loads(data: bytes | bytearray | memoryview | str, *, limits: JsonLimits = DEFAULT) -> JSON:
    """Read one document; raises ``JsonInvalid`` and nothing else, whatever the input is."""
    raw = _as_bytes(data)
    if len(raw) > limits.max_bytes:
        raise JsonTooLarge(reason=f"it has {len(raw)} bytes, {limits.max_bytes} are allowed")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise JsonEncoding(reason="invalid UTF-8", offset=error.start) from None
    try:
        value = _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise JsonSyntax(reason=_syntax_reason(error, text), offset=error.pos) from None
    except RecursionError:
        raise JsonTooDeep(reason=f"more than {limits.max_depth} levels") from None
    _check_structure(raw, limits)
    if b"\\u" in raw:
        _check_escapes(value)
    if len(raw) > limits.max_string:
        _check_string_lengths(value, limits)
    return value


def _as_bytes(data: bytes | bytearray | memoryview | str) -> bytes:
    if isinstance(data, str):
        try:
            return data.encode()
        except UnicodeEncodeError as error:
            raise JsonEncoding(reason="half of a surrogate pair", offset=error.start) from None
    return bytes(data)


def _syntax_reason(error: json.JSONDecodeError, text: str) -> str:
    if text.startswith("\ufeff"):
        return "a byte order mark comes first"
    return error.msg[:1].lower() + error.msg[1:]


def _shown(key: str) -> str:
    return json.dumps(key if len(key) <= 60 else key[:60] + "…", ensure_ascii=False)


def _check_structure(raw: bytes, limits: JsonLimits) -> None:
    """Depth and number of keys of a document that is known to be well formed."""
    deep = raw.count(b"[") + raw.count(b"{") > limits.max_depth
    wide = raw.count(b":") > limits.max_keys
    if not (deep or wide):
        return
    bare = _QUOTED.sub(b"", raw)
    if bare.count(b":") > limits.max_keys:
        raise JsonTooLarge(reason=f"it has more than {limits.max_keys} keys")
    nest = bare.translate(_TO_BRACKETS, _NOT_BRACKETS)
    for _ in range(limits.max_depth):
        if not nest:
            return
        nest = nest.replace(b"[]", b"")
    if nest:
        raise JsonTooDeep(reason=f"more than {limits.max_depth} levels")


def _strings(value: JSON) -> list[str]:
    found: list[str] = []
    pending: list[JSON] = [value]
    while pending:
        item = pending.pop()
        if type(item) is str:
            found.append(item)
        elif type(item) is dict:
            found.extend(item)
            pending.extend(item.values())
        elif type(item) is list:
            pending.extend(item)
    return found


def _check_escapes(value: JSON) -> None:
    """Only an escape can bring a NUL or a lone surrogate into a document of valid UTF-8."""
    for text in _strings(value):
        if "\x00" in text:
            raise JsonEncoding(reason="a string holds a NUL character")
        if _LONE_SURROGATE.search(text):
            raise JsonEncoding(reason="a string holds half of a surrogate pair")


def _check_string_lengths(value: JSON, limits: JsonLimits) -> None:
    if any(len(text) > limits.max_string for text in _strings(value)):
        raise JsonTooLarge(reason=f"a string has more than {limits.max_string} characters")


# --- writing -----------------------------------------------------------------------------------------------

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_UTC_Z
_INT64 = range(-(2**63), 2**64)


def _foreign(value: object) -> object:
    if isinstance(value, Decimal):
        if not value.is_finite():
            message = "a non-finite number has no JSON form"
            raise ValueError(message)
        return orjson.Fragment(str(value))
    if isinstance(value, tuple | Sequence):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)


def dumps(value: JSON) -> bytes:
    """Compact UTF-8; a ``Decimal`` keeps its digits, order of keys is kept.

    ``UUID`` and aware ``datetime`` become strings. Raises ``TypeError`` for what has no JSON form and
    ``ValueError`` for a non-finite number.
    """
    try:
        text = orjson.dumps(value, default=_foreign, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        if isinstance(error.__cause__, ValueError | TypeError):
            raise error.__cause__ from None
        return orjson.dumps(_with_fragments(value, _exact), default=_foreign, option=_OPTIONS)
    if b"null" in text:  # how orjson writes NaN and infinity
        _refuse_non_finite(value)
    return text


def _refuse_non_finite(value: JSON) -> None:
    pending: list[JSON] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, float) and item - item != 0:
            message = "a non-finite number has no JSON form"
            raise ValueError(message)
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list | tuple):
            pending.extend(item)


def _with_fragments(value: JSON, form: Any) -> JSON:
    """The same tree with each number replaced by its text, for what orjson can not write as it should be."""
    if isinstance(value, dict):
        return {key: _with_fragments(item, form) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_fragments(item, form) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    return orjson.Fragment(form(value))


def _exact(number: float | Decimal) -> str:
    text = str(number) if isinstance(number, int | Decimal) else repr(number)
    if not Decimal(text).is_finite():
        message = "a non-finite number has no JSON form"
        raise ValueError(message)
    return text


def number_text(number: float | Decimal) -> str:
    """The canonical form of a number: plain digits, no exponent, no trailing zeros, no negative zero.

    Equal numbers have equal text: 1, 1.0 and 1e0 are ``1``.
    """
    if isinstance(number, int):
        return str(number)
    exact = number if isinstance(number, Decimal) else Decimal(repr(number))
    if not exact.is_finite() or abs(exact.adjusted()) > 2 * JsonLimits.MAX_EXPONENT:
        message = "a non-finite or monstrous number has no canonical form"
        raise ValueError(message)
    text = format(exact, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def canonical(value: JSON) -> bytes:
    """The one text of a value, for hashes and signatures; reproducible without this program.

    UTF-8, no white space, keys sorted by code point, numbers as ``number_text`` writes them, strings escaped
    only where RFC 8259 demands it (short forms for b, t, n, f and r, lower-case ``\\u00xx`` for the rest).
    """
    try:
        return orjson.dumps(
            _with_fragments(value, number_text), default=_foreign, option=_OPTIONS | orjson.OPT_SORT_KEYS
        )
    except orjson.JSONEncodeError as error:
        raise error.__cause__ or TypeError(str(error)) from None


def sha256_of(value: JSON) -> bytes:
    """SHA-256 of the canonical form (32 bytes)."""
    return hashlib.sha256(canonical(value)).digest()


class FieldEncoder(json.JSONEncoder):
    """``encoder`` of a Django ``JSONField``: decimals reach ``jsonb`` exactly."""

    def encode(self, o: JSON) -> str:
        return dumps(o).decode()


class FieldDecoder(json.JSONDecoder):
    """``decoder`` of a Django ``JSONField``: decimals come back exactly."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parse_float=Decimal, **options)
