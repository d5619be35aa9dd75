"""Finds words in a template that people see and that are not marked for translation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from django.template.base import Lexer, TokenType

SHOWN = {
    "title", "label", "placeholder", "aria-label", "alt", "subtitle", "note", "hint", "help", "text", "caption",
    "before_label", "after_label", "submit", "data-label",
}  # fmt: skip
"""Attributes that are read or shown."""
NOT_WORDS = {"script", "style", "code", "kbd", "pre"}
NAMES = re.compile(r"\b(ipaas|p95|ms|HTTP|API|CSV|JSON|YAML|POST|GET)\b|&\w+;")
WORD = re.compile(r"[^\W\d_]{2,}")
LITERAL = re.compile(r"(?<!_\()([\"'])(.*?)\1")
SPOKEN_TAGS = {"state": 2, "timeago": 2, "sparkline": 3}
"""Tags with words among their arguments, and the place of the first."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self._quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._quiet += tag in NOT_WORDS
        self.handle_startendtag(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in SHOWN or (tag == "c-stat" and name == "value"):
                self._look(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in NOT_WORDS

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self._look(data)

    def _look(self, text: str) -> None:
        plain = NAMES.sub("", text)
        if WORD.search(plain):
            self.found.append((self.getpos()[0], " ".join(text.split())[:80]))


def unmarked(source: str) -> list[tuple[int, str]]:
    """Line and beginning of every piece of visible text that is not marked."""
    reader, found = _Reader(), []
    parts: list[str] = []
    for kind, text, line in _pieces(source):
        if kind == TokenType.TEXT:
            parts.append(text)
            continue
        parts.append("\n" * text.count("\n"))
        found += [(line, word) for word in _spoken(text)]
    reader.feed("".join(parts))
    reader.close()
    return sorted(found + reader.found)


def _pieces(source: str) -> Iterator[tuple[TokenType, str, int]]:
    """The tokens of a template; comments and what stands in a marked block are left out."""
    ending = ""
    for token in Lexer(source).tokenize():
        first = token.contents.split(" ", 1)[0] if token.token_type == TokenType.BLOCK else ""
        if ending:
            if first == ending:
                ending = ""
            yield TokenType.COMMENT, token.contents, token.lineno
        elif first in ("comment", "blocktranslate", "blocktrans"):
            ending = f"end{first}"
            yield TokenType.COMMENT, "", token.lineno
        else:
            yield token.token_type, token.contents, token.lineno


def _spoken(contents: str) -> list[str]:
    """Words in the arguments of a tag or a filter that are not marked by ``_()``."""
    tag, *arguments = contents.split(" ")
    if tag in SPOKEN_TAGS:
        said = [match[2] for match in LITERAL.finditer(contents)]
        first = SPOKEN_TAGS[tag] - (1 if not arguments or arguments[0][:1] not in "\"'" else 0)
        words = said[first - 1 if tag != "sparkline" else 1 :]
        return [word for word in words if WORD.search(word)]
    filters = re.findall(r"\|(?:default|default_if_none|yesno|pluralize):([\"'])(.*?)\1", contents)
    return [word for _quote, word in filters if " " in word or word[:1].isupper()]
