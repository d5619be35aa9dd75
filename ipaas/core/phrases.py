"""Sentences that services say to people: English text that still knows its template, for pages in other languages."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext


class Phrase(str):
    """A text like any other; ``template`` and ``values`` are what it was made of (see ``in_words``)."""

    template: str
    values: Mapping[str, object]


def said(template: str, /, **values: object) -> Phrase:
    """``template`` with the values in its braces, gathered into the catalog of words (``manage.py messages``).

    A value that is a phrase itself is told in the language of the page too.
    """
    phrase = Phrase(template.format_map(values))
    phrase.template, phrase.values = template, values
    return phrase


def sentences(*texts: str) -> Phrase:
    """Texts one after the other, each ended by a full stop, the empty ones left out.

    Each that is a phrase is told in the language of the page.
    """
    values = {f"part{number}": text for number, text in enumerate(texts) if text}
    ends = {name: "" if text.rstrip().endswith((".", "!", "?", "…", ":")) else "." for name, text in values.items()}
    template = " ".join(f"{{{name}}}{end}" for name, end in ends.items())
    phrase = Phrase(template.format_map(values))
    phrase.template, phrase.values = template, values
    return phrase


def packed(text: str) -> Any:
    """A phrase as JSON, to be stored and told later in any language; None for any other text."""
    if not isinstance(text, Phrase):
        return None
    return {"template": text.template, "values": {name: _packed(value) for name, value in text.values.items()}}


def _packed(value: object) -> Any:
    if isinstance(value, Phrase):
        return packed(value)
    if isinstance(value, str):
        return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in value)
    return value if isinstance(value, int | float) else str(value)


def unpacked(stored: Any) -> str:
    """What ``packed`` made of a phrase; an empty text for None."""
    if not isinstance(stored, Mapping):
        return ""
    values = {name: unpacked(one) if isinstance(one, Mapping) else one for name, one in stored["values"].items()}
    return said(stored["template"], **values)


def in_words(text: str) -> str:
    """A phrase in the language of the page, its values likewise; any other text as it is.

    Pages ask for this at their edge; in the API, the log and the audit trail a phrase is the English text that it is.
    """
    if not isinstance(text, Phrase) or not text:
        return text
    values = {name: in_words(value) if isinstance(value, str) else value for name, value in text.values.items()}
    return gettext(text.template).format_map(values)
