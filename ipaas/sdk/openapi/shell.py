"""The words of one command, as the shell would split it whose quotes it has: sh, bash, Windows' cmd, PowerShell."""

import re
import shlex
from dataclasses import dataclass

from ipaas.sdk.openapi.reading import OpenApiUnreadable

_HERE = re.compile(r"<<-?[ \t]*(['\"]?)(\w+)\1([^\n]*)\n(.*?)\n?^[ \t]*\2[ \t]*$", re.DOTALL | re.MULTILINE)
_CMD = re.compile(r"(?:^|\s)\^\"|\^\n")
_CMD_LINE = re.compile(r"\^\n(\n?)")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_ENDS = frozenset({"|", "||", "&", "&&", ";", "|&"})
_REDIRECTS = re.compile(r"(?:\d|&)?>{1,2}(&\d|[^\s<>]+)?$|<$")
_PLAIN = {
    "n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_CODED = re.compile(r"x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})")
_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")
_ALONE = re.compile("[\ud800-\udbff]|[\udc00-\udc7f\udd00-\udfff]")


@dataclass(frozen=True, slots=True)
class Command:
    """``words`` without redirections, ``stdin`` where a here-document or here-string feeds it.

    ``more``: whether other commands follow, which are not looked at.
    """

    words: list[str]
    stdin: str | None = None
    more: bool = False


def split(text: str) -> Command:
    """Raises OpenApiUnreadable where a quote does not end."""
    text = text.replace("\r\n", "\n").strip()
    if _CMD.search(text):
        text = re.sub(r"\^(.)", r"\1", _CMD_LINE.sub(lambda line: "\n" if line[1] else " ", text))
    stdin: str | None = None
    if here := _HERE.search(text):
        stdin = here[4]
        text = text[: here.start()] + here[3] + text[here.end() :]
    text = re.sub(r"[ \t]`\n", " ", text.replace("\\\n", " "))
    try:
        found = shlex.split(_ansi_quoted(text), posix=True)
    except ValueError as error:
        raise OpenApiUnreadable(reason=f"the command has a quote that does not end ({error})") from error
    while found and _ASSIGNED.fullmatch(found[0]):
        del found[0]
    return _until_its_end(found, stdin)


def _until_its_end(found: list[str], stdin: str | None) -> Command:
    words: list[str] = []
    rest = iter(found)
    for word in rest:
        if word in _ENDS or (words and word == found[0]):
            if words and word == found[0] and words[-1].endswith(";"):
                words[-1] = words[-1][:-1]
            return Command(words, stdin, more=True)
        if word.startswith("<<<"):
            stdin = word[3:] or next(rest, "")
        elif redirect := _REDIRECTS.match(word):
            if not redirect[1]:
                next(rest, None)
        else:
            words.append(word)
    return Command(words, stdin)


def _ansi_quoted(text: str) -> str:
    """``$'it\\'s'``, as bash has it and browsers copy it, in quotes that every shell has."""
    made: list[str] = []
    at, quote = 0, ""
    while at < len(text):
        char = text[at]
        if not quote and char == "$" and text[at + 1 : at + 2] in ("'", '"'):
            if text[at + 1] == "'":
                content, at = _ansi(text, at + 2)
                made.append(shlex.quote(content))
            else:
                at += 1
            continue
        if char == "\\" and quote != "'":
            made.append(text[at : at + 2])
            at += 2
            continue
        if char in ("'", '"') and quote in ("", char):
            quote = "" if quote else char
        made.append(char)
        at += 1
    return "".join(made)


def _ansi(text: str, at: int) -> tuple[str, int]:
    """The content of an ANSI-C quote, and the place after it."""
    made: list[str] = []
    while at < len(text) and text[at] != "'":
        following = text[at + 1 : at + 2]
        if text[at] != "\\" or not following:
            made.append(text[at])
            at += 1
        elif coded := _CODED.match(text, at + 1):
            made.append(_decoded(coded))
            at = coded.end()
        else:
            made.append(_PLAIN.get(following, "\\" + following))
            at += 2
    if at >= len(text):
        raise ValueError("No closing quotation")
    whole = _PAIR.sub(lambda two: (two[1] + two[2]).encode("utf-16", "surrogatepass").decode("utf-16"), "".join(made))
    return _ALONE.sub("", whole).encode("utf-8", "surrogateescape").decode("utf-8", "replace"), at + 1


def _decoded(coded: re.Match[str]) -> str:
    """A character; of ``\\x`` and octal digits one byte, which stands for itself until the whole text is there."""
    code = int(coded[1] or coded[2] or coded[3] or coded[4], 8 if coded[4] else 16)
    if coded[1] or coded[4]:
        code &= 0xFF
        return "" if not code else chr(code) if code < 0x80 else chr(0xDC00 + code)
    return chr(code) if 0 < code < 0x110000 else ""
