"""Names of fields as words, and words as names: ``customerId`` is ``customer id`` is ``customer_id``."""

import re
from collections.abc import Sequence
from typing import Final

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in small letters, as they are written."""
    return tuple(word.lower() for word in _WORD.findall(name))


def singular_words(name: str) -> tuple[str, ...]:
    """The words of a name, each in the singular: what names are compared by."""
    return tuple(map(_singular, words_of(name)))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


CASES: Final = {
    "snake": re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*"),
    "kebab": re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*"),
    "camel": re.compile(r"[a-z][a-zA-Z0-9]*"),
    "pascal": re.compile(r"[A-Z][a-zA-Z0-9]*"),
}


def is_cased(name: str, case: str) -> bool:
    """Whether a name is written in a case of ``CASES``."""
    return CASES[case].fullmatch(name) is not None


def cased(words: Sequence[str], case: str) -> str:
    """Words as one name in a case of ``CASES``."""
    if case in ("snake", "kebab"):
        return ("_" if case == "snake" else "-").join(words)
    name = "".join(word.capitalize() for word in words)
    return name if case == "pascal" else name[:1].lower() + name[1:]


def case_of(name: str) -> str:
    """The case in which a name is written, snake for one that is a single word or in none."""
    return next((case for case in CASES if is_cased(name, case)), "snake")
