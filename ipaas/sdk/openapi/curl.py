"""A pasted cURL command as a document of one operation; what proves who calls becomes a way to authenticate."""

import shlex
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from ipaas.sdk.openapi.reading import OpenApiUnreadable
from ipaas.sdk.openapi.recorded import File, Recorded, Recording, body_of

MAX_CHARS = 1_000_000
_SHORT = {
    "X": "request", "H": "header", "d": "data", "F": "form", "u": "user", "G": "get", "I": "head", "A": "user-agent",
    "b": "cookie", "e": "referer", "o": "output", "m": "max-time", "x": "proxy", "U": "proxy-user", "E": "cert",
    "T": "upload-file", "w": "write-out", "c": "cookie-jar", "r": "range", "D": "dump-header", "K": "config",
}  # fmt: skip
_DATA = frozenset({"data", "data-raw", "data-ascii", "data-binary", "data-urlencode", "json"})
_IGNORED = frozenset(
    {"user-agent", "referer", "output", "max-time", "connect-timeout", "retry", "retry-delay", "retry-max-time",
     "write-out", "cookie-jar", "dump-header",
     "limit-rate", "ciphers", "tls-max", "interface", "resolve", "max-redirs", "range"}
)  # fmt: skip
_TOLD = frozenset({"proxy", "proxy-user", "cert", "key", "cacert", "config", "upload-file", "aws-sigv4", "netrc-file"})


def command_document(text: str) -> bytes:
    """Raises OpenApiUnreadable for what is no command that could be called."""
    words = _words(text)
    made = Recording("curl", "")
    one = _Command(made).read(words)
    made.title = urlsplit(one.url if "://" in one.url else f"https://{one.url}").hostname or "cURL"
    made.add(one, "")
    return made.document()


def _words(text: str) -> list[str]:
    if len(text) > MAX_CHARS:
        raise OpenApiUnreadable(reason=f"a command has at most {MAX_CHARS} characters")
    joined = text.strip().replace("\\\r\n", " ").replace("\\\n", " ").replace("^\r\n", " ").replace("^\n", " ")
    try:
        words = shlex.split(_ansi_quoted(joined), posix=True)
    except ValueError as error:
        raise OpenApiUnreadable(reason=f"the command has a quote that does not end ({error})") from error
    if not words or words[0].rpartition("/")[2] not in ("curl", "curl.exe"):
        raise OpenApiUnreadable(reason="the command does not begin with curl")
    return words[1:]


def _ansi_quoted(text: str) -> str:
    """``$'it\\'s'``, as browsers copy commands, in quotes that every shell has."""
    made, place = [], 0
    while (start := text.find("$'", place)) >= 0:
        made.append(text[place:start])
        content, at = [], start + 2
        while at < len(text) and text[at] != "'":
            if text[at] == "\\" and at + 1 < len(text):
                char, at = _escaped(text, at + 1)
                content.append(char)
            else:
                content.append(text[at])
                at += 1
        made.append(shlex.quote("".join(content)))
        place = at + 1
    return "".join([*made, text[place:]])


def _escaped(text: str, at: int) -> tuple[str, int]:
    plain = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
    if text[at] in plain:
        return plain[text[at]], at + 1
    size = {"u": 4, "x": 2}.get(text[at])
    digits = text[at + 1 : at + 1 + size] if size else ""
    if size and len(digits) == size and all(char in "0123456789abcdefABCDEF" for char in digits):
        code = int(digits, 16)
        return chr(code) if code and not 0xD800 <= code < 0xE000 else "", at + 1 + size
    return text[at], at + 1


class _Command:
    """Options as curl reads them; those that change nothing about the request are passed over."""

    def __init__(self, made: Recording) -> None:
        self._findings = made.findings
        self._one = Recorded("", "")
        self._data: list[str] = []
        self._fields: dict[str, Any] = {}
        self._to_query = self._head = self._json = False

    def read(self, words: list[str]) -> Recorded:
        rest = iter(words)
        for word in rest:
            if word == "--" or not word.startswith("-") or word == "-":
                self._address(word) if word not in ("--", "-") else None
            elif word.startswith("--"):
                name, equals, value = word[2:].partition("=")
                self._option(name, value if equals else None, rest)
            else:
                self._short(word[1:], rest)
        return self._finished()

    def _short(self, letters: str, rest: Iterator[str]) -> None:
        for place, letter in enumerate(letters):
            name = _SHORT.get(letter)
            if name is None:
                continue
            if name in ("get", "head"):
                self._option(name, None, rest)
                continue
            self._option(name, letters[place + 1 :].removeprefix("=") or None, rest)
            return

    def _address(self, word: str) -> None:
        if self._one.url:
            self._findings.dropped("", "address", "only the first address of the command is taken")
        else:
            self._one.url = word

    def _option(self, name: str, value: str | None, rest: Iterator[str]) -> None:
        def given() -> str:
            return value if value is not None else next(rest, "")

        actions: dict[str, Callable[[], None]] = {
            "request": lambda: setattr(self._one, "method", given().upper()),
            "url": lambda: self._address(given()),
            "header": lambda: self._header(given()),
            "form": lambda: self._field(given(), text=False),
            "form-string": lambda: self._field(given(), text=True),
            "user": lambda: self._user(given()),
            "oauth2-bearer": lambda: self._bearer(given()),
            "cookie": lambda: self._one.headers.append(("Cookie", given() and "x")),
            "get": lambda: setattr(self, "_to_query", True),
            "head": lambda: setattr(self, "_head", True),
        }
        if name in actions:
            actions[name]()
        elif name in _DATA:
            self._add_data(name, given())
        elif name == "url-query":
            self._one.query += parse_qsl(given(), keep_blank_values=True)
        elif name in _IGNORED:
            given()
        elif name in _TOLD:
            given()
            self._findings.dropped("", "option", f"--{name} is not taken over")

    def _user(self, given: str) -> None:
        self._one.basic = bool(given)

    def _bearer(self, given: str) -> None:
        self._one.bearer = bool(given)

    def _header(self, given: str) -> None:
        name, colon, value = given.partition(":")
        if given.startswith("@") or not colon or not name.strip():
            self._findings.dropped("", "header", "a header without a value, or out of a file, is left out")
            return
        if name.strip().lower() == "content-type":
            self._one.content_type = value.strip()
        self._one.headers.append((name.strip(), value.strip()))

    def _add_data(self, way: str, given: str) -> None:
        if way == "json":
            self._json = True
        if way != "data-raw" and given.startswith("@"):
            self._findings.dropped("", "file", "what stands in a file is not known; give it as the body")
            return
        if way == "data-urlencode":
            name, equals, value = given.partition("=")
            given = f"{name}={quote(value)}" if name and equals else quote(value if equals else given)
        self._data.append(given)

    def _field(self, given: str, *, text: bool) -> None:
        name, _, value = given.partition("=")
        if not text and value[:1] in ("@", "<"):
            kind = next((one[5:] for one in value.split(";")[1:] if one.startswith("type=")), "")
            self._fields[name] = File(value[1:].split(";")[0].rpartition("/")[2], kind)
        else:
            self._fields[name] = value if text else value.split(";type=")[0]

    def _finished(self) -> Recorded:
        one = self._one
        if not one.url:
            raise OpenApiUnreadable(reason="the command names no address")
        joined = "".join(self._data) if self._json else "&".join(self._data)
        if self._to_query:
            one.query += parse_qsl(joined, keep_blank_values=True)
        elif self._fields:
            one.form, one.body = "multipart", self._fields
        elif self._data:
            one.content_type = one.content_type or ("application/json" if self._json else "")
            one.form, one.body = body_of(joined, one.content_type)
            if one.form == "text" and not one.content_type:
                one.form, one.body = body_of(joined, "application/x-www-form-urlencoded")
        one.method = one.method or ("HEAD" if self._head else "POST" if one.form else "GET")
        return one
