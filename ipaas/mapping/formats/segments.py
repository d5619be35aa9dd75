"""Segments of elements, as in EDIFACT (ISO 9735) and ANSI X12: divided by separators that the input may name itself."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from ipaas.mapping.formats.errors import failed
from ipaas.mapping.formats.structure import Part
from ipaas.sdk.bodies import scalar_text

MAX_SEGMENT = 256 * 1024
_CHUNK = 256 * 1024
_ISA_LENGTH = 106
SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class Separators:
    """One character each; an empty one is not used."""

    segment: str
    element: str
    component: str = ""
    repetition: str = ""
    release: str = ""


_EDIFACT = Separators("'", "+", ":", "", "?")
_X12 = Separators("~", "*", ">", "^", "")


def separators_of(spec: Mapping[str, Any]) -> Separators:
    """Those of the description, for what it leaves open those of the dialect."""
    base = {"edifact": _EDIFACT, "x12": _X12}.get(spec.get("dialect", "plain"), Separators("\n", "|"))
    return Separators(**{name: spec.get("separators", {}).get(name, getattr(base, name)) for name in base.__slots__})


def _found_separators(head: str, spec: Mapping[str, Any]) -> tuple[Separators, int]:
    """The separators and where the segments begin."""
    known = separators_of(spec)
    dialect = spec.get("dialect", "plain")
    if dialect == "edifact" and head.startswith("UNA") and len(head) >= 9:
        component, element, _, release, repetition, segment = tuple(head[3:9])
        return Separators(segment, element, component, repetition.strip(), release.strip()), 9
    if dialect == "x12" and head.startswith("ISA"):
        if len(head) < _ISA_LENGTH:
            raise failed("ISA has 106 characters, this is shorter", line=1, unit=SEGMENT)
        element, component, segment = head[3], head[104], head[105]
        repetition = head[82]
        return Separators(segment, element, component, "" if repetition.isalnum() else repetition, ""), 0
    return known, 0


def read_parts(file: BinaryIO, spec: Mapping[str, Any]) -> Iterator[Part]:
    """The segments by their tags, each an object as it is described, else of its elements by number."""
    described = spec.get("segments", {})
    skip, known = spec.get("unknown") == "skip", set(described)
    for number, (texts, separators) in enumerate(_segments(file, spec), start=1):
        tag, *elements = texts
        tag = tag.strip()
        if skip and known and tag not in known:
            continue
        yield Part(number, tag, _object(described.get(tag), elements, separators, number))


def _segments(file: BinaryIO, spec: Mapping[str, Any]) -> Iterator[tuple[list[str], Separators]]:
    encoding = spec.get("encoding", "utf-8")
    separators, pattern = None, re.compile("")
    pending, number = "", 0
    for chunk in _texts(file, encoding):
        pending += chunk
        if separators is None:
            pending = pending.lstrip("\ufeff\r\n ")
            if not pending:
                continue
            separators, start = _found_separators(pending, spec)
            pattern, pending = _pattern(separators), pending[start:]
        end = 0
        while match := pattern.match(pending, end):  # finditer would try again behind each character of a rest
            number, end = number + 1, match.end()
            text = match[1].strip("\r\n")
            if text.strip():
                yield _split(text, separators.element, separators.release), separators
        pending = pending[end:]
        if len(pending) > MAX_SEGMENT:
            raise failed(f"it has no end within {MAX_SEGMENT // 1024} KB", line=number + 1, unit=SEGMENT)
    if separators is None:
        raise failed("the input is empty")
    if pending.strip("\r\n \x1a"):
        if separators.segment != "\n":
            raise failed("it is cut off", line=number + 1, unit=SEGMENT)
        yield _split(pending.strip("\r\n"), separators.element, separators.release), separators


def _texts(file: BinaryIO, encoding: str) -> Iterator[str]:
    import codecs

    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := file.read(_CHUNK):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise failed(f"the input is not {encoding}") from None


def _pattern(separators: Separators) -> re.Pattern[str]:
    end = re.escape(separators.segment)
    if not separators.release:
        return re.compile(f"([^{end}]*+){end}")
    escape = re.escape(separators.release)
    return re.compile(f"((?:[^{end}{escape}]|{escape}.)*+){end}", re.DOTALL)


def _split(text: str, separator: str, release: str) -> list[str]:
    """The parts between separators that are not released; what is released stays so."""
    if not release or release not in text:
        return text.split(separator)
    return re.findall(
        f"(?:^|{re.escape(separator)})((?:[^{re.escape(separator + release)}]|{re.escape(release)}.)*+)",
        text,
        re.DOTALL,
    )


def _plain(text: str, release: str) -> str:
    return re.sub(f"{re.escape(release)}(.)", r"\1", text, flags=re.DOTALL) if release and release in text else text


def _object(described: Any, elements: list[str], separators: Separators, number: int) -> dict[str, Any]:
    if described is None:
        found = {str(place): _bare(text, separators) for place, text in enumerate(elements, start=1)}
        return {place: value for place, value in found.items() if value != ""}
    found = {}
    last = len(described) - 1
    for place, text in enumerate(elements):
        if place > last and not (described and _many(described[last])):
            raise failed(f"it has {len(elements)} elements, {len(described)} are described", line=number, unit=SEGMENT)
        one = described[min(place, last)]
        if one is None:
            continue
        name = one if isinstance(one, str) else one["name"]
        if _many(one):
            found.setdefault(name, []).append(_element(one, text, separators, number))
        elif not isinstance(one, str) and one.get("repeat"):
            parts = _split(text, separators.repetition, separators.release) if separators.repetition else [text]
            found[name] = [_element(one, part, separators, number) for part in parts if part]
        elif text:
            found[name] = _element(one, text, separators, number)
    return found


def _many(told: Any) -> bool:
    return isinstance(told, Mapping) and bool(told.get("many"))


def _bare(text: str, separators: Separators) -> Any:
    parts = _split(text, separators.component, separators.release) if separators.component else [text]
    if len(parts) == 1:
        return _plain(text, separators.release)
    return {str(place): _plain(part, separators.release) for place, part in enumerate(parts, start=1) if part}


def _element(told: Any, text: str, separators: Separators, number: int) -> Any:
    if isinstance(told, str) or "of" not in told:
        found = _plain(text, separators.release)
        return found.strip() if isinstance(told, Mapping) and "width" in told else found
    parts = _split(text, separators.component, separators.release) if separators.component else [text]
    if len(parts) > len(told["of"]):
        reason = f"{told['name']} has {len(parts)} components, {len(told['of'])} are described"
        raise failed(reason, line=number, unit=SEGMENT)
    pairs = zip(told["of"], parts, strict=False)
    return {name: _plain(part, separators.release) for name, part in pairs if name is not None and part}


# -- writing -------------------------------------------------------------------------------------------------------


class SegmentWriter:
    """Writes segments and counts them, as trailers want it."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec, self._separators = spec, separators_of(spec)
        self._described = spec.get("segments", {})
        self._since: dict[str, int] = {}
        self._end = self._separators.segment + spec.get("line_end", "\n" if self._separators.segment != "\n" else "")
        self._special = re.compile("|".join(re.escape(one) for one in vars_of(self._separators) if one))

    def head(self) -> bytes:
        """UNA where the description asks for it."""
        one = self._separators
        if self._spec.get("dialect") != "edifact" or not self._spec.get("una"):
            return b""
        return self._bytes(f"UNA{one.component}{one.element}.{one.release}{one.repetition or ' '}{one.segment}\n")

    def segment(self, tag: str, value: Any) -> bytes:
        """One segment of an object. Raises FormatFailed."""
        if not isinstance(value, Mapping):
            raise failed(f"{tag} is no object")
        self._since[tag] = 0
        self._since = {name: count + 1 for name, count in self._since.items()}
        described = self._described.get(tag)
        if described is None:
            described = [
                str(place) for place in range(1, max((int(key) for key in value if key.isdigit()), default=0) + 1)
            ]
        names = {one if isinstance(one, str) else one["name"] for one in described if one is not None}
        unknown = set(value) - names
        if unknown:
            raise failed(f"{tag}.{min(unknown)} has no place in the segment")
        texts = [text for one in described for text in self._elements(one, value, tag)]
        while texts and not texts[-1]:
            texts.pop()
        return self._bytes(self._separators.element.join([tag, *texts]) + self._end)

    def _bytes(self, text: str) -> bytes:
        try:
            return text.encode(self._spec.get("encoding", "utf-8"))
        except UnicodeEncodeError:
            raise failed(f"a character has no place in {self._spec['encoding']}") from None

    def _elements(self, told: Any, value: Mapping[str, Any], tag: str) -> Sequence[str]:
        if told is None:
            return [""]
        if isinstance(told, str):
            return [self._element(told, value.get(told), tag)]
        if "counted" in told:
            return [str(self._since.get(told["counted"], 0))]
        found = value.get(told["name"], told.get("value"))
        if told.get("many") or told.get("repeat"):
            if not isinstance(found, list | None):
                raise failed(f"{tag}.{told['name']} is a list by its description, this is none")
            texts = [self._element(told, one, tag) for one in found or []]
            return texts if told.get("many") else [self._separators.repetition.join(texts)]
        return [self._element(told, found, tag)]

    def _element(self, told: Any, value: Any, tag: str) -> str:
        name = told if isinstance(told, str) else told["name"]
        of = None if isinstance(told, str) else told.get("of")
        if of is None and isinstance(value, Mapping):
            of = [str(place) for place in range(1, max((int(key) for key in value if key.isdigit()), default=0) + 1)]
        if of is None or value is None:
            text = self._text("" if value is None else value, f"{tag}.{name}")
            width = 0 if isinstance(told, str) else told.get("width", 0)
            if width and len(text) > width:
                raise failed(f"{tag}.{name} has {len(text)} characters, {width} have place")
            return text.ljust(width)
        if not isinstance(value, Mapping) or set(value) - {one for one in of if one}:
            raise failed(f"{tag}.{name} is an object of {', '.join(one for one in of if one)}, this is none")
        parts = ["" if one is None else self._text(value.get(one), f"{tag}.{name}.{one}") for one in of]
        while parts and not parts[-1]:
            parts.pop()
        return self._separators.component.join(parts)

    def _text(self, value: Any, place: str) -> str:
        text = "" if value is None else scalar_text(value)
        if text is None:
            raise failed(f"{place} is not a text, number or boolean")
        release = self._separators.release
        if not release:
            if place.startswith("ISA."):  # the segment that names the separators
                return text
            if self._special.search(text):
                raise failed(f"{place} holds a separator, and the format has no way to release it")
            return text
        return self._special.sub(lambda match: release + match[0], text)


def vars_of(separators: Separators) -> Iterator[str]:
    for name in separators.__slots__:
        yield getattr(separators, name)
