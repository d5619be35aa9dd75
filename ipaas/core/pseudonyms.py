"""Made-up values in the place of sensitive ones: another value of the same form.

An e-mail address stays one, an IBAN and a card number keep valid check digits, a date stays a date, a name keeps its
length, its capitals and its rhythm. Made values are keyed (SHAKE-256 over key and value): equal values become equal,
and nobody without the key finds the way back. Addresses end in ``.example``, so that nothing made up can be reached.
"""

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from ipaas.core.jsonio import JSON, dumps
from ipaas.core.redaction import MIN_VALUE, Redactor, SecretValues, mask

MIN_COPY: Final = 4
"""Whole texts of so many characters that equal a sensitive value are replaced wherever they stand."""
MOST_CHARS: Final = 20_000
"""Longer texts become a mask: their form says nothing."""
_TRIES: Final = 12

_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnprstvwz"
_UMLAUTS: Final = "äöü"
_EMAIL: Final = re.compile(r"([^@\s<>]{1,64})@([^@\s<>]{1,250}\.[^@\s<>.]{2,24})")
_URL: Final = re.compile(r"([a-z][a-z0-9+.-]{1,15}://)([^/?#\s]{1,250})(\S{0,2000})")
_DATE: Final = re.compile(r"([12]\d{3})-(\d\d)-(\d\d)((?:[T ]\d\d:\d\d.*)?)", re.DOTALL)
_LOCAL_DATE: Final = re.compile(r"(\d{1,2})([./])(\d{1,2})\2([12]\d{3})")
_PLAIN_DATE: Final = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_CLOCK: Final = re.compile(r"\d\d:\d\d(?::\d\d)?")
_IBAN: Final = re.compile(r"[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}")
_CARD: Final = re.compile(r"\d(?:[ -]?\d){12,18}")
_PHONE: Final = re.compile(r"(?=(?:\D*\d){7})[+(0][\d ()/.-]{6,24}")
_HEX: Final = re.compile(r"(?=.*\d)(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}|[0-9A-F]{16,})")


class Pseudonyms:
    """Made-up values for the sensitive ones of one body of data, none of which equals an original."""

    def __init__(self, originals: Iterable[JSON], *, key: bytes) -> None:
        self._key = key
        self._made: dict[JSON, JSON] = {}
        leaves = list(_leaves(originals))
        self._originals = {str(leaf) for leaf in leaves}
        for leaf in leaves:
            self.of(leaf)

    @property
    def made(self) -> Mapping[JSON, JSON]:
        """What stands for each text and number seen so far."""
        return self._made

    def of(self, value: JSON) -> JSON:
        """The stand-in of a value; objects and lists keep their shape, null and emptiness stay."""
        if isinstance(value, Mapping):
            return {self._key_of(key): self.of(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.of(item) for item in value]
        if value is None or value == "":
            return value
        if isinstance(value, bool):
            return False
        known = self._made.get(value)
        if known is None or type(known) is not type(value):
            known = self._made[value] = self._make(value)
        return known

    def _key_of(self, key: str) -> str:
        """Names of fields stay; a key that is data, such as an address, does not."""
        return key if re.fullmatch(r"[A-Za-z_$][\w$.-]{0,40}", key) and key not in self._originals else self.of(key)

    def _make(self, value: JSON) -> JSON:
        if isinstance(value, str) and len(value) > MOST_CHARS:
            return mask(value, self._key)
        for attempt in range(_TRIES):
            draw = _Draw(self._key, str(value), attempt)
            made = _text(value, draw) if isinstance(value, str) else _number(value, draw)
            if str(made) not in self._originals and made != value:
                return made
        return mask(value, self._key) if isinstance(value, str) else type(value)(0)


class Pseudonymiser(Redactor):
    """Makes the copy of a document that tests may keep: like ``Redactor``, with made-up values instead of masks.

    Copies of sensitive values become what the value became; values of ``secrets`` become masks.
    """

    def __init__(
        self, *, fields: Mapping[str, str], secrets: SecretValues, pseudonyms: Pseudonyms, fingerprint_key: bytes
    ) -> None:
        super().__init__(fields=fields, values=secrets, fingerprint_key=fingerprint_key)
        self._pseudonyms = pseudonyms
        self._texts = {str(old): str(new) for old, new in pseudonyms.made.items()}
        self._whole = {old: new for old, new in self._texts.items() if len(old) >= MIN_COPY}
        long = [old for old in self._texts if len(old.encode(errors="surrogatepass")) >= MIN_VALUE]
        self._head = min(map(len, long), default=0)
        self._inside: dict[str, list[str]] = {}
        for old in sorted(long, key=len, reverse=True):
            self._inside.setdefault(old[: self._head], []).append(old)

    @property
    def made_up(self) -> frozenset[str]:
        """What stands for sensitive values, as texts."""
        return frozenset(str(made) for made in self._pseudonyms.made.values())

    def redact(self, value: JSON) -> JSON:
        shown = self._without_copies(self._walk(value, [self._root]))
        return self._scrub(shown) if len(self._values) and self._values.occur_in(dumps(shown)) else shown

    def _masked(self, value: JSON) -> JSON:
        return self._pseudonyms.of(value)

    def _without_copies(self, value: JSON) -> JSON:
        if isinstance(value, Mapping):
            return {self._text(key): self._without_copies(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._without_copies(item) for item in value]
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bool) or value is None or str(value) not in self._whole:
            return value
        try:
            return type(value)(self._whole[str(value)])
        except (ValueError, ArithmeticError):
            return type(value)(0)

    def _text(self, value: str) -> str:
        if value in self._whole:
            return self._whole[value]
        if not self._inside or len(value) < self._head:
            return value
        made, done, at = [], 0, 0
        while at <= len(value) - self._head:
            found = self._found_at(value, at)
            if found is None:
                at += 1
                continue
            made += [value[done:at], self._texts[found]]
            done = at = at + len(found)
        return "".join([*made, value[done:]])

    def _found_at(self, text: str, at: int) -> str | None:
        """The longest original that begins there; found by its first letters, however many originals there are."""
        near = self._inside.get(text[at : at + self._head])
        return next((old for old in near if text.startswith(old, at)), None) if near else None


def _leaves(values: Iterable[JSON]) -> Iterator[str | int | Decimal]:
    for value in values:
        if isinstance(value, Mapping):
            yield from _leaves(value.values())
        elif isinstance(value, list | tuple):
            yield from _leaves(value)
        elif value is not None and value != "" and not isinstance(value, bool):
            yield value


class _Draw:
    """A keyed, endless row of numbers that depends on nothing but the value and the attempt."""

    def __init__(self, key: bytes, value: str, attempt: int = 0) -> None:
        self.key = key
        self._seed = key + attempt.to_bytes(2, "big") + value.encode(errors="surrogatepass")
        self._bytes, self._at = hashlib.shake_256(self._seed).digest(256), 0

    def below(self, most: int) -> int:
        if self._at + 2 > len(self._bytes):
            self._bytes = hashlib.shake_256(self._seed).digest(len(self._bytes) * 4)
        self._at += 2
        return int.from_bytes(self._bytes[self._at - 2 : self._at], "big") % most

    def one_of(self, choices: str) -> str:
        return choices[self.below(len(choices))]


def _number(value: Any, draw: _Draw) -> Any:
    """As many digits before and behind the point, the same sign."""
    return type(value)(_digits(str(value), draw))


def _digits(text: str, draw: _Draw) -> str:
    """Other digits; a leading zero stays one, so that lengths and signs of numbers stay as they are."""
    made, first = [], True
    for char in text:
        if not char.isascii() or not char.isdigit():
            made.append(char)
            continue
        made.append(
            char if first and char == "0" and len(text) > 1 else str(1 + draw.below(9) if first else draw.below(10))
        )
        first = False
    return "".join(made)


def _text(value: str, draw: _Draw) -> str:
    for form, make in _FORMS:
        match = form.fullmatch(value)
        made = make(match, draw) if match is not None else None
        if made is not None:
            return made
    return "".join(_char(char, draw) for char in value)


def _char(char: str, draw: _Draw) -> str:
    if char.isdigit():
        return str(draw.below(10))
    if not char.isalpha():
        return char
    low = char.lower()
    kind = _UMLAUTS if low in _UMLAUTS else _VOWELS if low in _VOWELS else _CONSONANTS
    made = draw.one_of(kind)
    return made.upper() if char.isupper() else made


def _email(match: re.Match[str], draw: _Draw) -> str:
    return f"{_word(match[1], draw)}@{_host(match[2], draw)}"


def _word(text: str, draw: _Draw) -> str:
    return "".join(_char(char, draw) for char in text)


def _host(host: str, draw: _Draw) -> str:
    """By the host alone, so that addresses of one host stay together."""
    return f"{_word(host.rpartition('.')[0] or host, _Draw(draw.key, host))}.example"


def _url(match: re.Match[str], draw: _Draw) -> str:
    return match[1] + _host(match[2], draw) + _word(match[3].replace("%", ""), draw)


def _shifted(year: int, month: int, day: int, draw: _Draw) -> date | None:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found - timedelta(days=1 + draw.below(700)) if year > 1002 else found + timedelta(days=1 + draw.below(700))


def _date(match: re.Match[str], draw: _Draw) -> str | None:
    made = _shifted(int(match[1]), int(match[2]), int(match[3]), draw)
    if made is None:
        return None
    return made.isoformat() + _CLOCK.sub(lambda _: _time(_[0], draw), match[4], count=1)


def _time(text: str, draw: _Draw) -> str:
    parts = [draw.below(24), draw.below(60), draw.below(60)]
    return ":".join(f"{part:02}" for part in parts[: text.count(":") + 1])


def _local_date(match: re.Match[str], draw: _Draw) -> str | None:
    day_first = _shifted(int(match[4]), int(match[3]), int(match[1]), draw)
    made = day_first or _shifted(int(match[4]), int(match[1]), int(match[3]), draw)
    if made is None:
        return None
    first, second = (made.day, made.month) if day_first else (made.month, made.day)
    return f"{first:0{len(match[1])}}{match[2]}{second:0{len(match[3])}}{match[2]}{made.year}"


def _plain_date(match: re.Match[str], draw: _Draw) -> str | None:
    made = _shifted(int(match[1]), int(match[2]), int(match[3]), draw)
    return None if made is None else made.strftime("%Y%m%d")


def _address(match: re.Match[str], draw: _Draw) -> str | None:
    try:
        found = ipaddress.ip_address(match[0])
    except ValueError:
        return None
    return f"203.0.113.{draw.below(256)}" if found.version == 4 else f"2001:db8::{draw.below(65536):x}"


def _iban(match: re.Match[str], draw: _Draw) -> str | None:
    compact = match[0].replace(" ", "").upper()
    if _remainder(compact) != 1:
        return None
    body = "".join(
        str(draw.below(10)) if char.isdigit() else draw.one_of("ABCDEFGHJKLMNPRSTUVWXYZ") for char in compact[4:]
    )
    check = 98 - _remainder(f"{compact[:2]}00{body}")
    made = iter(f"{compact[:2]}{check:02}{body}")
    return "".join(" " if char == " " else next(made) for char in match[0])


def _remainder(iban: str) -> int:
    """ISO 13616: 1 for a valid number."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97


def _card(match: re.Match[str], draw: _Draw) -> str | None:
    digits = [int(char) for char in match[0] if char.isdigit()]
    if _luhn(digits):
        return None
    made = [digits[0], *(draw.below(10) for _ in digits[1:-1]), 0]
    made[-1] = -_luhn(made) % 10
    rest = iter(made)
    return "".join(str(next(rest)) if char.isdigit() else char for char in match[0])


def _luhn(digits: list[int]) -> int:
    """ISO/IEC 7812-1: 0 for a valid number."""
    doubled = [2 * digit for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(digit - 9 if digit > 9 else digit for digit in doubled)) % 10


def _phone(match: re.Match[str], draw: _Draw) -> str:
    """The country or the trunk prefix and the first digit behind it stay, which say what kind of number it is."""
    kept = 3 if match[0].startswith(("+", "00")) else 2
    made, seen = [], 0
    for char in match[0]:
        seen += char.isdigit()
        made.append(str(draw.below(10)) if char.isdigit() and seen > kept else char)
    return "".join(made)


def _hex(match: re.Match[str], draw: _Draw) -> str:
    digits = "0123456789ABCDEF" if match[0].isupper() else "0123456789abcdef"
    made = [char if char == "-" else draw.one_of(digits) for char in match[0]]
    if "-" in match[0]:  # the version and the variant of a UUID
        made[14], made[19] = match[0][14], match[0][19]
    return "".join(made)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], _Draw], str | None]], ...] = (
    (_EMAIL, _email),
    (_URL, _url),
    (_DATE, _date),
    (_LOCAL_DATE, _local_date),
    (_PLAIN_DATE, _plain_date),
    (re.compile(r"[0-9a-fA-F:]*[:.][0-9a-fA-F:.]*"), _address),
    (_IBAN, _iban),
    (_CARD, _card),
    (_PHONE, _phone),
    (_HEX, _hex),
)
