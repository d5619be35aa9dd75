"""Which place of a source most likely fills a field of a target: by names, synonyms, types and values, with reasons."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any

from ipaas.core.phrases import said
from ipaas.core.words import singular_words
from ipaas.mapping.filling import ELEMENT, expression_of
from ipaas.mapping.nodes import DEFAULT_ELEMENT
from ipaas.mapping.places import Place

LEAST = 0.5
MOST = 400
AROUND, PARTLY = 0.15, 0.5
"""What holders of one name add, and what names are worth that share their words only."""
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
    readable = _Readable(source, _Words(synonyms))
    found: dict[str, list[tuple[float, Suggestion]]] = {}
    for one in wanted[:MOST]:
        above = LEAST
        for alike in readable.alike(one.place):
            made = _match(one, alike, above)
            if made is None:
                continue
            found.setdefault(made.target, []).append((made.score, made))
            if not one.new_list:  # only the best counts; in a new list the list decides, so all of them do
                above = made.score + 0.01
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


def _match(wanted: Wanted, alike: "_Alike", least: float) -> Suggestion | None:
    target, place = wanted.place, alike.place
    rest = (_by_type(target, place), _by_value(target, place))
    score = round(min(alike.score + sum(more for more, _ in rest), 1.0), 2)
    if score < round(least, 2):
        return None
    each, expression = _written(wanted, place)
    if "[0]" in expression or not expression:
        return None
    reasons = [alike.reason]
    if alike.around:
        reasons.append(said("both in {words}", words=", ".join(sorted(alike.around))))
    reasons += [reason for _, reason in rest if reason]
    return Suggestion(target.path, wanted.steps, expression, place.path, score, tuple(reasons), each)


def _written(wanted: Wanted, place: Place) -> tuple[str, str]:
    """The list that a new one goes through, and the expression; "" for both where the depths of lists differ."""
    if not wanted.new_list:
        return "", expression_of(place.path, wanted.names)
    around = max((at.count(ELEMENT) for at in wanted.names.values()), default=0)
    if place.path.count(ELEMENT) != 1 + around:
        return "", ""
    inside = place.path[: place.path.rfind(ELEMENT)]
    names = {**wanted.names, DEFAULT_ELEMENT: f"{inside}{ELEMENT}"}
    return expression_of(inside, wanted.names), expression_of(place.path, names)


@dataclass(frozen=True, slots=True)
class _Alike:
    """A place whose name may do for a target: what names are worth, why, and the words of what holds both."""

    place: Place
    score: float
    reason: str
    around: frozenset[str]


class _Readable:
    """The places that can be read, found by what their names say: most pairs of names have nothing in common."""

    def __init__(self, source: Sequence[Place], words: "_Words") -> None:
        self._words = words
        self._named: dict[str, list[tuple[int, Place]]] = {}
        self._joined: dict[frozenset[str], list[tuple[int, Place]]] = {}
        leaves = [place for place in source if place.depth > 0 and place.type not in ("object", "array")][:MOST]
        for number, place in enumerate(leaves):
            self._named.setdefault(place.name, []).append((number, place))
            self._joined.setdefault(words.joined(place), []).append((number, place))
        self._names: dict[str, list[str]] = {}
        for name in self._named:
            for key in words.keys(name):
                self._names.setdefault(key, []).append(name)
        self._likeness: dict[tuple[str, str], tuple[float, str]] = {}

    def alike(self, target: Place) -> Iterator[_Alike]:
        """Places whose names may do for a target, in reading order."""
        words, most = self._words, AROUND + _most_of_rest(target)
        found: list[tuple[int, Place, float, str]] = []
        for name in dict.fromkeys(name for key in words.keys(target.name) for name in self._names.get(key, ())):
            score, reason = self._like(target.name, name)
            if round(score + most, 2) >= LEAST:
                found += [(number, place, score, reason) for number, place in self._named[name]]
        joined = words.joined(target)
        reason = said("names share {words}", words=", ".join(sorted(joined)))
        for number, place in self._joined.get(joined, ()) if words.of(target.name) else ():
            if words.of(place.name) and not self._like(target.name, place.name)[0]:
                found.append((number, place, PARTLY, reason))
        for _number, place, score, why in sorted(found, key=itemgetter(0)):
            around = words.around(target) & words.around(place)
            bare = not words.around(target) and not words.around(place)
            yield _Alike(place, score + (AROUND if around else 0.1 if bare else 0.0), why, around)

    def _like(self, target: str, name: str) -> tuple[float, str]:
        pair = (target, name)
        if pair not in self._likeness:
            self._likeness[pair] = _by_name(target, name, self._words)
        return self._likeness[pair]


def _by_name(target: str, name: str, words: "_Words") -> tuple[float, str]:
    ours, theirs = words.of(target), words.of(name)
    if not ours or not theirs:
        return 0.0, ""
    if ours == theirs:
        return 0.65, said("same name")
    if words.same(target, name):
        return 0.6, said("{one} is another word for {other}", one=" ".join(theirs), other=" ".join(ours))
    mine, other = words.plains(target), words.plains(name)
    shared = mine & other
    if not shared:
        return 0.0, ""
    return PARTLY * len(shared) / len(mine | other), said("names share {words}", words=", ".join(sorted(shared)))


def _most_of_rest(target: Place) -> float:
    """What type and values can add to the names at most."""
    return (0.1 if target.type else 0.0) + (0.15 if target.examples else 0.1 if target.format else 0.0)


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
    return _shape_of(value) if isinstance(value, str) else ""


@lru_cache(maxsize=4096)
def _shape_of(value: str) -> str:
    return next((name for name, pattern in _SHAPES if pattern.fullmatch(value)), "")


class _Words:
    """Names as words: lower case, in the singular, known abbreviations and synonyms made equal."""

    def __init__(self, synonyms: Synonyms | None) -> None:
        self._synonyms = synonyms
        self._known: dict[str, frozenset[str]] = {}
        self._words: dict[str, tuple[str, ...]] = {}
        self._plain: dict[str, frozenset[str]] = {}
        self._terms: dict[str, tuple[str, str]] = {}
        self._around: dict[str, frozenset[str]] = {}
        self._groups: dict[str, str] = {word: group[0] for group in _ALIKE for word in group}

    def of(self, name: str) -> tuple[str, ...]:
        if name not in self._words:
            self._words[name] = singular_words(name)
        return self._words[name]

    def plains(self, name: str) -> frozenset[str]:
        """The words of a name, abbreviations written out."""
        if name not in self._plain:
            self._plain[name] = frozenset(self.plain(word) for word in self.of(name))
        return self._plain[name]

    def plain(self, word: str) -> str:
        return self._groups.get(word, word)

    def same(self, one: str, other: str) -> bool:
        """Whether two names are the same term, by abbreviations or by the glossary."""
        (mine, my_term), (theirs, their_term) = self._term(one), self._term(other)
        if my_term == their_term:
            return True
        return self._synonyms is not None and (theirs in self._others(mine) or mine in self._others(theirs))

    def keys(self, name: str) -> frozenset[str]:
        """What two names have in common in one of these if they are alike at all: words, the term, other words."""
        whole, term = self._term(name)
        return self.plains(name) | {whole, term} | self._others(whole) if whole else frozenset()

    def _term(self, name: str) -> tuple[str, str]:
        """A name as words, and the one of all words for the same that it stands for."""
        if name not in self._terms:
            whole = " ".join(self.of(name))
            self._terms[name] = whole, self._groups.get(whole) or " ".join(map(self.plain, self.of(name)))
        return self._terms[name]

    def _others(self, term: str) -> frozenset[str]:
        if self._synonyms is None:
            return frozenset()
        if term not in self._known:
            self._known[term] = frozenset(" ".join(self.of(one)) for one in self._synonyms(term))
        return self._known[term]

    def around(self, place: Place) -> frozenset[str]:
        """The words of what holds a place, without the root of the data."""
        if place.holder not in self._around:
            steps = place.holder.replace(ELEMENT, "").split(".")
            self._around[place.holder] = frozenset().union(*map(self.plains, steps[-2:])) - {"source"}
        return self._around[place.holder]

    def joined(self, place: Place) -> frozenset[str]:
        """All words of a name with those of its holder: ``customer.name`` and ``customer_name`` are alike."""
        return (self.plains(_holder_name(place)) | self.plains(place.name)) - {"source", "data", "body"}
