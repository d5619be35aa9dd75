"""Which place of a source most likely fills a field of a target: by names, synonyms, types and values, with reasons."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ipaas.core.phrases import said
from ipaas.mapping.filling import ELEMENT, expression_of
from ipaas.mapping.places import Place

LEAST = 0.5
MOST = 400
Synonyms = Callable[[str], Iterable[str]]
"""Other words for a word or a term (small letters, words divided by blanks); lent by the glossary."""

_ALIKE = (
    ("qty", "quantity", "count"), ("amt", "amount"), ("no", "nr", "num", "number"), ("addr", "address"),
    ("tel", "phone", "telephone", "mobile"), ("zip", "postcode", "postal code", "zip code"), ("desc", "description"),
    ("mail", "email", "e mail"), ("surname", "last name", "family name"), ("forename", "first name", "given name"),
    ("id", "identifier"), ("town", "city"), ("dob", "birth date", "date of birth"), ("ref", "reference"),
    ("curr", "currency"), ("company", "organisation", "organization"), ("customer", "buyer", "client"),
    ("supplier", "vendor", "seller"), ("item", "line", "position", "article"), ("price", "cost"),
    ("created", "placed"), ("msg", "message"), ("cat", "category"), ("img", "image", "picture"),
)  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SHAPES = (
    ("e-mail address", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")),
    ("date and time", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("UUID", re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("web address", re.compile(r"https?://\S+")),
    ("currency code", re.compile(r"[A-Z]{3}")),
    ("country code", re.compile(r"[A-Z]{2}")),
)
_FORMATS = {
    "email": "e-mail address",
    "date-time": "date and time",
    "date": "date",
    "uuid": "UUID",
    "uri": "web address",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A field that nothing makes yet; ``names`` stand for elements of the lists around it that are made already."""

    place: Place
    steps: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    new_list: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``each`` is the list that a new list around the target goes through."""

    target: str
    steps: tuple[str, ...]
    expression: str
    source: str
    score: float
    reasons: tuple[str, ...]
    each: str = ""


def suggest(wanted: Sequence[Wanted], source: Sequence[Place], synonyms: Synonyms | None = None) -> list[Suggestion]:
    """The best place for each field that is likely enough, in the order of the fields."""
    words = _Words(synonyms)
    leaves = [place for place in source if place.depth > 0 and place.type not in ("object", "array")][:MOST]
    found: dict[str, list[tuple[float, Suggestion]]] = {}
    for one in wanted[:MOST]:
        for place in leaves:
            made = _match(one, place, words)
            if made is not None and made.score >= LEAST:
                found.setdefault(made.target, []).append((made.score, made))
    lists = _lists_chosen(wanted, found)
    best = []
    for one in wanted:
        fitting = [
            made
            for _, made in found.get(one.place.path, ())
            if not one.new_list or made.each == lists.get(one.new_list)
        ]
        if fitting:
            best.append(max(fitting, key=lambda made: made.score))
    return best


def _lists_chosen(wanted: Sequence[Wanted], found: Mapping[str, list[tuple[float, Suggestion]]]) -> dict[str, str]:
    """For each new list of the target the one list of the source in which most of its fields are found."""
    sums: dict[str, dict[str, float]] = {}
    for one in wanted:
        best: dict[str, float] = {}
        for score, made in found.get(one.place.path, ()) if one.new_list else ():
            best[made.each] = max(best.get(made.each, 0.0), score)
        for each, score in best.items():
            totals = sums.setdefault(one.new_list, {})
            totals[each] = totals.get(each, 0.0) + score
    return {new: max(totals, key=lambda each: totals[each]) for new, totals in sums.items()}


def _match(wanted: Wanted, place: Place, words: "_Words") -> Suggestion | None:
    target = wanted.place
    each, names = "", dict(wanted.names)
    if wanted.new_list:
        if place.path.count(ELEMENT) != 1 + max((at.count(ELEMENT) for at in names.values()), default=0):
            return None
        inside = place.path[: place.path.rfind(ELEMENT)]
        each, names = expression_of(inside, names), {**names, "item": f"{inside}{ELEMENT}"}
    expression = expression_of(place.path, names)
    if "[0]" in expression:
        return None
    score, reasons = _by_name(target, place, words)
    if not score:
        return None
    for more, reason in (_by_type(target, place), _by_value(target, place)):
        score += more
        reasons += [reason] if reason else []
    return Suggestion(
        target.path, wanted.steps, expression, place.path, round(min(score, 1.0), 2), tuple(reasons), each
    )


def _by_name(target: Place, place: Place, words: "_Words") -> tuple[float, list[str]]:
    ours, theirs = words.of(target.name), words.of(place.name)
    if not ours or not theirs:
        return 0.0, []
    reasons: list[str]
    if ours == theirs:
        score, reasons = 0.65, [said("same name")]
    elif words.same(ours, theirs):
        score, reasons = 0.6, [said("{one} is another word for {other}", one=" ".join(theirs), other=" ".join(ours))]
    else:
        mine, other = {words.plain(one) for one in ours}, {words.plain(one) for one in theirs}
        shared = mine & other
        if not shared:
            mine |= {words.plain(one) for one in words.of(_holder_name(target))}
            other |= {words.plain(one) for one in words.of(_holder_name(place))}
            shared = mine & other if words.joined(target) == words.joined(place) else set()
        if not shared:
            return 0.0, []
        score = 0.5 * len(shared) / len(mine | other)
        reasons = [said("names share {words}", words=", ".join(sorted(shared)))]
    around = words.around(target) & words.around(place)
    if around:
        score += 0.15
        reasons.append(said("both in {words}", words=", ".join(sorted(around))))
    elif not words.around(target) and not words.around(place):
        score += 0.1
    return score, reasons


def _holder_name(place: Place) -> str:
    return place.holder.rpartition(".")[2]


_NUMBERS = {"integer", "number"}


def _by_type(target: Place, place: Place) -> tuple[float, str]:
    if not target.type or place.type in ("", "null"):
        return 0.0, ""
    if target.type == place.type:
        return 0.1, said("same type: {type}", type=target.type)
    if {target.type, place.type} == _NUMBERS:
        return 0.08, said("both are numbers")
    return -0.25, said("types differ: {source} becomes {target}", source=place.type, target=target.type)


def _by_value(target: Place, place: Place) -> tuple[float, str]:
    values = [value for value in (place.value, *place.examples) if value is not None]
    if any(value in target.examples for value in values):
        return 0.15, said("the same values occur")
    kinds = {kind for kind in map(_shape, values) if kind} | {_FORMATS.get(place.format, "")}
    wanted = {kind for kind in map(_shape, target.examples) if kind} | {_FORMATS.get(target.format, "")}
    alike = sorted((kinds & wanted) - {""})
    return (0.1, said("both are of the form {form}", form=alike[0])) if alike else (0.0, "")


def _shape(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return next((name for name, pattern in _SHAPES if pattern.fullmatch(value)), "")


class _Words:
    """Names as words: lower case, in the singular, known abbreviations and synonyms made equal."""

    def __init__(self, synonyms: Synonyms | None) -> None:
        self._synonyms = synonyms
        self._known: dict[str, frozenset[str]] = {}
        self._groups: dict[str, str] = {word: group[0] for group in _ALIKE for word in group}

    def of(self, name: str) -> tuple[str, ...]:
        return tuple(_singular(word.lower()) for word in _WORD.findall(name))

    def plain(self, word: str) -> str:
        return self._groups.get(word, word)

    def same(self, one: tuple[str, ...], other: tuple[str, ...]) -> bool:
        mine, theirs = " ".join(one), " ".join(other)
        if tuple(map(self.plain, one)) == tuple(map(self.plain, other)) or self.plain(mine) == self.plain(theirs):
            return True
        return theirs in self._others(mine) or mine in self._others(theirs)

    def _others(self, term: str) -> frozenset[str]:
        if self._synonyms is None:
            return frozenset()
        if term not in self._known:
            self._known[term] = frozenset(" ".join(self.of(one)) for one in self._synonyms(term))
        return self._known[term]

    def around(self, place: Place) -> set[str]:
        """The words of what holds a place, without the root of the data."""
        steps = place.holder.replace(ELEMENT, "").split(".")
        return {self.plain(word) for step in steps[-2:] for word in self.of(step)} - {"source", "order", ""}

    def joined(self, place: Place) -> frozenset[str]:
        """All words of a name with those of its holder: ``customer.name`` and ``customer_name`` are alike."""
        every = (*self.of(_holder_name(place)), *self.of(place.name))
        return frozenset(self.plain(word) for word in every) - {"source", "data", "body"}


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
