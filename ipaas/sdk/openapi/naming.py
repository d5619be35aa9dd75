"""Names that the manifest and its expressions can use, made from whatever a document calls things."""

import re
import unicodedata
from collections.abc import Container

LONGEST = 60
_RESERVED = frozenset({"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "body"})


def identifier(text: str, taken: Container[str] = (), *, empty: str = "value") -> str:
    """A lower-case name of letters, digits and underscores that is not taken: ``X-Page[size]`` → ``x_page_size``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    name = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")[:LONGEST].strip("_") or empty
    if not name[0].isalpha():
        name = f"n{name}"[:LONGEST]
    if name in _RESERVED and name != "body":
        name += "_"
    number, found = 2, name
    while found in taken:
        found = f"{name[: LONGEST - 4]}_{number}"
        number += 1
    return found


def sentence(text: object, longest: int, instead: str) -> str:
    """The first lines of a text without markup, cut at a word."""
    flat = re.sub(r"\s+", " ", re.sub(r"<[^>]{0,200}>", " ", str(text or ""))).strip()
    if not flat:
        return instead
    return flat if len(flat) <= longest else flat[: longest - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def is_json(kind: str) -> bool:
    bare = kind.split(";", 1)[0].strip().lower()
    return bare in ("application/json", "text/json") or bare.endswith("+json")
