"""YAML as another spelling of JSON: the same values, bounded, with line and column in every error.

Read from the parser's events, so nothing is constructed that JSON does not have. Only what JSON itself would
write as number, ``true``, ``false`` or ``null`` (or an empty place) is one; every other plain word is text:
``on``, ``yes``, ``007``, ``1_000`` and ``2026-01-31`` stay as written. Keys are always text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

from ipaas.core.errors import IpaasError
from ipaas.core.jsonio import JSON, JsonLimits

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: dict[str, JSON] = {"": None, "~": None, "null": None, "true": True, "false": False}
_SURROGATE_OR_NUL = re.compile(r"[\x00\ud800-\udfff]")
_STR_TAG = "tag:yaml.org,2002:str"


class YamlInvalid(IpaasError):
    """The YAML document is not accepted: {reason}{where}."""

    code = "yaml.invalid"
    title = "Invalid YAML"
    remedy = "Correct the place named and send it again."

    def __init__(self, *, reason: str, line: int | None = None, column: int | None = None) -> None:
        """``line`` and ``column`` count from 1."""
        self.line = line
        self.column = column
        where = "" if line is None else f" (line {line}, column {column})"
        super().__init__(reason=reason, where=where, line=line, column=column)


@dataclass(frozen=True, slots=True)
class YamlLimits:
    """Bounds of one text; ``max_nodes`` counts every value, those that an alias repeats too.

    ``merge_keys``: whether ``<<`` takes the members of other objects over; those named beside it win.
    """

    max_characters: int = 1024 * 1024
    max_depth: int = 64
    max_nodes: int = 100_000
    merge_keys: bool = False


DEFAULT = YamlLimits()


def load(text: str | bytes, *, limits: YamlLimits = DEFAULT) -> JSON:
    """Read exactly one document; an empty text is None. Raises ``YamlInvalid`` and nothing else."""
    documents = load_all(text, limits=limits)
    if len(documents) > 1:
        reason = f"one document is wanted and there are {len(documents)}"
        raise YamlInvalid(reason=reason)
    return documents[0] if documents else None


def load_all(text: str | bytes, *, limits: YamlLimits = DEFAULT) -> list[JSON]:
    """Read every document of a text (divided by ``---``), in order."""
    source = _decoded(text)
    if len(source) > limits.max_characters:
        reason = f"it has {len(source)} characters, {limits.max_characters} are allowed"
        raise YamlInvalid(reason=reason)
    try:
        return _Composer(limits).documents(yaml.parse(source, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        raise _at(error.problem_mark, error.problem or "syntax error") from None
    except (yaml.YAMLError, UnicodeError):
        reason = "it holds characters that YAML does not allow"
        raise YamlInvalid(reason=reason) from None


def composed(text: str) -> Any:
    """The nodes of one document with their marks, by the same parser; raises yaml.YAMLError where ``load`` refuses."""
    return yaml.compose(text, Loader=_Loader)


def _decoded(text: str | bytes) -> str:
    try:
        source = text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
        raise YamlInvalid(reason=reason) from None
    bad = _SURROGATE_OR_NUL.search(source)
    if bad:
        line = source.count("\n", 0, bad.start()) + 1
        raise YamlInvalid(reason="it holds a NUL or a lone surrogate", line=line, column=1)
    return source


def _at(mark: Any, reason: str) -> YamlInvalid:
    if mark is None:
        return YamlInvalid(reason=reason)
    return YamlInvalid(reason=reason, line=mark.line + 1, column=mark.column + 1)


@dataclass(slots=True)
class _Frame:
    """One open list or object; ``key`` is set while its value is awaited."""

    value: Any
    anchor: str | None
    start: int
    key: str | None = None
    seen: set[str] = field(default_factory=set)
    merging: bool = False


class _Composer:
    """Builds values from events on a stack of its own: nesting can not exhaust the interpreter's."""

    def __init__(self, limits: YamlLimits) -> None:
        self._limits = limits
        self._nodes = 0
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[JSON, int]] = {}
        self._result: list[JSON] = []

    def documents(self, events: Iterator[Any]) -> list[JSON]:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close(event)
        return self._result

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.max_nodes:
            raise _at(event.start_mark, f"it has more than {self._limits.max_nodes} values")

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None

    def _alias(self, event: Any) -> None:
        if self._awaits_key():
            raise _at(event.start_mark, "an alias can not be a key")
        if event.anchor not in self._anchors:
            raise _at(event.start_mark, f"the alias *{event.anchor} has no complete anchor before it")
        value, nodes = self._anchors[event.anchor]
        self._count(nodes, event)
        self._put(_copied(value))

    def _scalar(self, event: Any) -> None:
        self._count(1, event)
        if event.tag not in (None, "!", _STR_TAG):
            raise _at(event.start_mark, f"the tag {event.tag} is not allowed")
        if self._awaits_key():
            self._key(event)
            return
        value = _resolved(event) if event.tag is None and event.implicit[0] else event.value
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._put(value)

    def _key(self, event: Any) -> None:
        frame = self._stack[-1]
        if event.value == "<<" and event.implicit[0]:
            if not self._limits.merge_keys:
                raise _at(event.start_mark, "merge keys (<<) are not supported")
            frame.merging = True
        if event.value in frame.seen:
            raise _at(event.start_mark, f"the key {event.value[:60]!r} occurs twice in one object")
        frame.seen.add(event.value)
        frame.key = event.value

    def _open(self, event: Any) -> None:
        self._count(1, event)
        if event.tag not in (None, "!"):
            raise _at(event.start_mark, f"the tag {event.tag} is not allowed")
        if self._awaits_key():
            raise _at(event.start_mark, "a list or an object can not be a key")
        if len(self._stack) >= self._limits.max_depth:
            raise _at(event.start_mark, f"more than {self._limits.max_depth} levels")
        value: JSON = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        self._stack.append(_Frame(value, event.anchor, self._nodes))

    def _close(self, event: Any) -> None:
        frame = self._stack.pop()
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, self._nodes - frame.start + 1)
        self._put(frame.value)

    def _put(self, value: JSON) -> None:
        if not self._stack:
            self._result.append(value)
            return
        frame = self._stack[-1]
        if frame.key is None:
            frame.value.append(value)
        elif frame.merging:
            _merge(frame, value)
        else:
            frame.value[frame.key] = value
            frame.key = None


def _merge(frame: _Frame, value: JSON) -> None:
    """Members of the objects that the frame does not name itself; of several the first one counts."""
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict):
            reason = "a merge key (<<) takes an object, or a list of objects"
            raise YamlInvalid(reason=reason)
        for key, member in one.items():
            frame.value.setdefault(key, member)
    frame.seen.discard("<<")
    frame.merging, frame.key = False, None


def _copied(value: JSON) -> JSON:
    """A copy, so that a change at one alias never shows at another; bounded by the node limit."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def _resolved(event: Any) -> JSON:
    try:
        return plain(event.value)
    except ValueError as error:
        raise _at(event.start_mark, str(error)) from None


def plain(text: str) -> JSON:
    """What an unquoted word means; ``ValueError`` for a number beyond the limits of JSON documents here."""
    if text in _WORDS:
        return _WORDS[text]
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    if len(text) > JsonLimits.MAX_DIGITS + 2:
        message = f"a number has more than {JsonLimits.MAX_DIGITS} digits; quote it"
        raise ValueError(message)
    if match[1] is None and match[2] is None:
        return int(text)
    message = f"an exponent is beyond {JsonLimits.MAX_EXPONENT}; quote it"
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(message) from None
    if abs(number.adjusted()) > JsonLimits.MAX_EXPONENT:
        raise ValueError(message)
    return number


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_str(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if (
        "\n" in text
        and not re.search(r"[^\S\n]\n|[^\x20-\x7e\n\xa0-\ud7ff]", text)
        and not text.startswith((" ", "\n"))
    ):
        return dumper.represent_scalar(_STR_TAG, text, style="|")
    plain = _NUMBER.fullmatch(text) is None and text not in _WORDS
    return dumper.represent_scalar(_STR_TAG, text, style=None if plain else "'")


def _represent_decimal(dumper: yaml.SafeDumper, number: Decimal) -> yaml.ScalarNode:
    text = format(number, "f")
    kind = "float" if "." in text else "int"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


_Dumper.add_representer(str, _represent_str)
_Dumper.add_representer(Decimal, _represent_decimal)


def dump(value: JSON, *, flow: bool = False, width: float = 120) -> str:
    """YAML that ``load`` reads back to an equal value; order of keys is kept, long texts stay readable.

    With ``flow`` objects and lists stand in brackets; ``width`` is where lines are broken.
    """
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width, default_flow_style=flow)
