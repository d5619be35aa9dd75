"""What may be shown: masks for sensitive fields and for registered secret values in all their spellings.

A mask is ``‹redacted:<fingerprint>›``. The fingerprint is keyed (HMAC-SHA-256, first 4 bytes in hex), so equal
values have equal masks, which makes masked documents comparable, and short values can not be guessed from it.
Redaction comes before truncation, always: half a secret is matched by nothing.
"""

import base64
import hashlib
import hmac
import json
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from ipaas.core.jsonio import JSON, canonical, dumps
from ipaas.core.sensitive_names import is_sensitive_key

__all__ = [
    "MIN_VALUE",
    "PUBLIC",
    "Redactor",
    "SecretValues",
    "fingerprint",
    "is_sensitive_key",
    "mask",
    "scrub_bytes",
    "scrub_text",
    "spellings",
    "texts_of",
]

MIN_VALUE: Final = 6
"""Values shorter than so many bytes are not searched for: they would mask half of every text."""
PUBLIC: Final = "public"
"""The class of a field that stays readable although its name looks sensitive."""

_MIN_ENCODED = 8


def fingerprint(value: JSON, key: bytes) -> str:
    """Eight hex digits that stand for a value; equal values have equal ones under the same key."""
    data = value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else canonical(value)
    return hmac.new(key, data, hashlib.sha256).hexdigest()[:8]


def mask(value: JSON, key: bytes) -> str:
    """What stands in the place of a value."""
    return f"‹redacted:{fingerprint(value, key)}›"


class SecretValues:
    """Secrets that must appear nowhere, prepared once with every form in which they travel.

    Forms: as it is, escaped in JSON, percent-encoded, hex, base64 (also in the midst of other data, as in
    ``Basic user:password``).
    """

    __slots__ = ("_forms", "_key")

    def __init__(self, values: Iterable[str | bytes], *, fingerprint_key: bytes) -> None:
        self._key = fingerprint_key
        forms: dict[bytes, bytes] = {}
        for value in values:
            raw = value.encode(errors="surrogatepass") if isinstance(value, str) else bytes(value)
            if len(raw) < MIN_VALUE:
                continue
            stand_in = mask(raw, fingerprint_key).encode()
            for form in spellings(raw):
                forms.setdefault(form, stand_in)
        self._forms = sorted(forms.items(), key=lambda pair: (-len(pair[0]), pair[0]))

    def __len__(self) -> int:
        return len(self._forms)

    def plus(self, values: Iterable[str | bytes]) -> "SecretValues":
        """These and further values together."""
        added = SecretValues(values, fingerprint_key=self._key)
        known = {form for form, _ in self._forms}
        forms = [*self._forms, *(pair for pair in added._forms if pair[0] not in known)]
        added._forms = sorted(forms, key=lambda pair: (-len(pair[0]), pair[0]))
        return added

    def occur_in(self, data: bytes) -> bool:
        """Whether any form of any value is in there."""
        return any(form in data for form, _ in self._forms)

    def scrub(self, data: bytes) -> bytes:
        """The data with each occurrence replaced by the mask of its value; the longest form first."""
        for form, stand_in in self._forms:
            if form in data:
                data = data.replace(form, stand_in)
        return data


def spellings(raw: bytes) -> set[bytes]:
    """The forms in which a value travels: plain, escaped in JSON, percent-encoded, hex, base64 (in other data too)."""
    forms = {raw, raw.hex().encode(), raw.hex().upper().encode(), *_base64_forms(raw)}
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return forms
    for ascii_only in (False, True):
        escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        forms |= {escaped.encode(errors="surrogatepass"), escaped.replace("/", "\\/").encode(errors="surrogatepass")}
    for quoted in (urllib.parse.quote(text, safe=""), urllib.parse.quote(text), urllib.parse.quote_plus(text)):
        forms |= {quoted.encode(), _lower_escapes(quoted).encode()}
    return forms


def _lower_escapes(quoted: str) -> str:
    head, *rest = quoted.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)


def _base64_forms(raw: bytes) -> set[bytes]:
    """The characters that base64 has for these bytes at each of the three places they can have in other data."""
    forms = set()
    for shift, skipped in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(bytes(shift) + raw)[skipped : (shift + len(raw)) * 8 // 6]
        if len(encoded) >= _MIN_ENCODED:
            forms |= {encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")}
    return forms


def texts_of(values: Iterable[JSON]) -> Iterator[str]:
    """The texts and numbers inside of values, as they would stand in other texts."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from texts_of(value.values())
        elif isinstance(value, list | tuple):
            yield from texts_of(value)
        elif value is not None and not isinstance(value, bool):
            yield dumps(value).decode()


def scrub_bytes(data: bytes, values: SecretValues) -> bytes:
    """Bytes of any kind without the registered values."""
    return values.scrub(data)


def scrub_text(text: str, values: SecretValues) -> str:
    """A text without the registered values."""
    data = text.encode(errors="surrogatepass")
    return values.scrub(data).decode(errors="surrogatepass") if values.occur_in(data) else text


class _Place:
    """Fields below one place of a document: the class of the place itself and the places under it."""

    __slots__ = ("below", "label")

    def __init__(self) -> None:
        self.label: str | None = None
        self.below: dict[str, _Place] = {}


class Redactor:
    """Makes the copy of a document that may be shown and stored readable.

    ``fields`` maps a dotted path from the root (``order.lines.*.email``, ``*`` for any key or element) or a bare
    name (``email``, at any depth) to a class; ``public`` keeps a place readable. Beside these, every key whose
    name is sensitive is masked, and registered values wherever they occur, in keys too.
    """

    def __init__(
        self, *, fields: Mapping[str, str] | None = None, values: SecretValues | None = None, fingerprint_key: bytes
    ) -> None:
        self._key = fingerprint_key
        self._values = values or SecretValues((), fingerprint_key=fingerprint_key)
        self._names: dict[str, str] = {}
        self._root = _Place()
        for path, label in (fields or {}).items():
            self._add(path, label)

    def _add(self, path: str, label: str) -> None:
        steps = path.split(".")
        if len(steps) == 1:
            self._names[path] = label
        place = self._root
        for step in steps:
            place = place.below.setdefault(step, _Place())
        place.label = label

    def redact(self, value: JSON) -> JSON:
        """The masked copy; the value itself is not touched."""
        shown = self._walk(value, [self._root])
        if len(self._values) and self._values.occur_in(dumps(shown)):
            return self._scrub(shown)
        return shown

    def hidden(self, value: JSON) -> list[JSON]:
        """The values that ``redact`` masks for their place or name, to look for copies of them elsewhere."""
        collector = _Collector(self._names, self._root, self._key)
        collector.redact(value)
        return collector.found

    def _walk(self, value: Any, places: list[_Place]) -> JSON:
        if not places:
            return self._walk_by_name(value)
        if isinstance(value, Mapping):
            return {key: self._member(key, item, _below(places, key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._element(item, _below(places, str(index))) for index, item in enumerate(value)]
        return value

    def _walk_by_name(self, value: Any) -> JSON:
        """The same below the last place that was named, where only names count (most of every document)."""
        if isinstance(value, Mapping):
            names = self._names
            return {
                key: self._member(key, item, _NO_PLACES)
                if key in names or is_sensitive_key(key)
                else (item if type(item) in _SCALARS else self._walk_by_name(item))
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [item if type(item) in _SCALARS else self._walk_by_name(item) for item in value]
        return value

    def _member(self, key: str, value: JSON, places: list[_Place]) -> JSON:
        label = _label(places) or self._names.get(key)
        if label is not None:
            return self._classified(value, label, places)
        if is_sensitive_key(key) and not isinstance(value, bool):
            return self._masked(value)
        return self._walk(value, places)

    def _element(self, value: JSON, places: list[_Place]) -> JSON:
        label = _label(places)
        return self._walk(value, places) if label is None else self._classified(value, label, places)

    def _classified(self, value: JSON, label: str, places: list[_Place]) -> JSON:
        return self._walk(value, places) if label == PUBLIC else self._masked(value)

    def _masked(self, value: JSON) -> JSON:
        """null and emptiness are no secrets, and telling them apart is half of every search for a fault."""
        return value if value is None or value in ("", [], {}) else mask(value, self._key)

    def _scrub(self, value: JSON) -> JSON:
        if isinstance(value, str):
            return scrub_text(value, self._values)
        if isinstance(value, dict):
            return {scrub_text(key, self._values): self._scrub(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._scrub(item) for item in value]
        text = dumps(value)
        return self._values.scrub(text).decode() if self._values.occur_in(text) else value


class _Collector(Redactor):
    """Notes what it masks."""

    def __init__(self, names: dict[str, str], root: _Place, key: bytes) -> None:
        super().__init__(fingerprint_key=key)
        self._names, self._root = names, root
        self.found: list[JSON] = []

    def _masked(self, value: JSON) -> JSON:
        self.found.append(value)
        return None


_NO_PLACES: list[_Place] = []
_SCALARS: Final = frozenset({str, int, bool, type(None), Decimal})


def _below(places: list[_Place], step: str) -> list[_Place]:
    if not places:
        return places
    return [place.below[name] for place in places for name in (step, "*") if name in place.below]


def _label(places: list[_Place]) -> str | None:
    """The class of a place; what is written out wins over ``*``."""
    return next((place.label for place in places if place.label is not None), None)
