"""The verdict on a change of a schema, in each of the compatibility modes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ipaas.contracts.compatibility.inclusion import Fault, Inclusion, Undeclared
from ipaas.contracts.compatibility.nodes import Book, compare_books
from ipaas.contracts.compatibility.words import Side, place_of, what_happens, what_to_do

Mode = Literal[
    "none", "backward", "backward_transitive", "forward", "forward_transitive", "full", "full_transitive"
]  # fmt: skip
MODES: tuple[Mode, ...] = get_args(Mode)
State = Literal["compatible", "incompatible", "undecided"]
MOST_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason against a change.

    ``path`` is a JSON pointer into the new schema, ``place`` the place in the data (``lines.*.sku``). ``side`` tells
    who breaks: a *reader* with the new version meets data of the old one, a *writer* with the new version sends data
    that readers of the old one refuse.
    """

    path: str
    place: str
    code: str
    words: str
    advice: str
    side: Side
    state: Literal["incompatible", "undecided"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a change; ``relied_on`` lists places where it counts on undeclared properties not being sent."""

    state: State
    problems: tuple[Problem, ...] = ()
    relied_on: tuple[str, ...] = ()


def check(old: Any, new: Any, mode: str, *, undeclared: Undeclared = "possible") -> Verdict:
    """Whether ``new`` may follow ``old``.

    *backward*: every document that a writer under the old schema can produce is valid under the new one; *forward*: the
    other way round; *full*: both. A writer produces documents that are valid under its schema; with ``undeclared``
    "absent" it adds no properties to an object of which the schema lists properties and does not speak of others
    (no ``additionalProperties``). "compatible" is a proof. "incompatible" means that such a document exists that the
    other side refuses; "undecided" that neither is known.
    """
    if mode not in MODES:
        message = f"there is no mode {mode!r}"
        raise ValueError(message)
    ways = mode.removesuffix("_transitive")
    problems: dict[Problem, None] = {}
    relied: dict[str, None] = {}
    before, after = Book(old), Book(new)
    compare_books(before, after)
    ends: tuple[tuple[Side, Book, Book], ...] = (("reader", before, after), ("writer", after, before))
    for side, producing, accepting in ends:
        if ways in ("full", "backward" if side == "reader" else "forward"):
            proof = Inclusion(producing, accepting, undeclared)
            problems |= dict.fromkeys(_problem(fault, side) for fault in _nearest(proof.run()))
            relied |= dict.fromkeys(place_of(place) for place in proof.relied_on)
    found = sorted(problems, key=lambda one: one.state)[:MOST_PROBLEMS]
    state: State = "compatible" if not found else found[0].state
    return Verdict(state, tuple(found), tuple(relied))


def _nearest(faults: Iterable[Fault]) -> Iterable[Fault]:
    """Each fault once, where the same schemas meet at several places at the one that is least deep."""
    found: dict[tuple[str, str, str, str], Fault] = {}
    for fault in faults:
        key = (fault.code, fault.pointer, fault.other, fault.place[-1] if fault.place else "")
        if key not in found or len(fault.place) < len(found[key].place):
            found[key] = fault
    return found.values()


def _problem(fault: Fault, side: Side) -> Problem:
    return Problem(
        path=fault.pointer if side == "reader" else fault.other,
        place=place_of(fault.place),
        code=fault.code,
        words=what_happens(fault, side),
        advice=what_to_do(fault, side),
        side=side,
        state="incompatible" if fault.certain else "undecided",
    )


def versions_to_check(mode: str, versions: Sequence[int]) -> list[int]:
    """Which of the published versions a change is compared with: the newest, or all of them, newest first."""
    newest_first = sorted(versions, reverse=True)
    if mode == "none":
        return []
    return newest_first if mode.endswith("_transitive") else newest_first[:1]
