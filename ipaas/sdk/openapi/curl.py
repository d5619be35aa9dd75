"""A pasted cURL command as a document of one operation; what proves who calls becomes a way to authenticate."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from ipaas.sdk.openapi.reading import OpenApiUnreadable
from ipaas.sdk.openapi.recorded import File, Recorded, Recording, body_of, signed_by_aws, with_value
from ipaas.sdk.openapi.shell import split

MAX_CHARS = 1_000_000
_PROGRAM = re.compile(r"[/\\]")
_SHORT = {
    "X": "request", "H": "header", "d": "data", "F": "form", "u": "user", "G": "get", "I": "head", "A": "user-agent",
    "b": "cookie", "e": "referer", "o": "output", "m": "max-time", "x": "proxy", "U": "proxy-user", "E": "cert",
    "T": "upload-file", "w": "write-out", "c": "cookie-jar", "r": "range", "D": "dump-header", "K": "config",
    "C": "continue-at", "P": "ftp-port", "Q": "quote", "t": "telnet-option", "y": "speed-time", "Y": "speed-limit",
    "z": "time-cond", ":": "next",
}  # fmt: skip
_DATA = frozenset({"data", "data-raw", "data-ascii", "data-binary", "data-urlencode", "json"})
_IGNORED = frozenset(
    {"user-agent", "referer", "output", "output-dir", "max-time", "connect-timeout", "retry", "retry-delay",
     "retry-max-time", "write-out", "cookie-jar", "dump-header", "limit-rate", "rate", "ciphers",
     "tls13-ciphers", "curves", "tls-max", "interface", "resolve", "connect-to", "max-redirs", "max-filesize",
     "range", "continue-at", "create-file-mode", "proto", "proto-default", "proto-redir", "dns-servers",
     "dns-interface", "dns-ipv4-addr", "dns-ipv6-addr", "doh-url", "local-port", "keepalive-time",
     "keepalive-cnt", "speed-limit", "speed-time", "stderr", "trace", "trace-ascii", "trace-config",
     "time-cond", "etag-compare", "etag-save", "alt-svc", "hsts", "happy-eyeballs-timeout-ms",
     "expect100-timeout", "ftp-port", "quote", "telnet-option", "noproxy", "engine", "egd-file", "random-file"}
)  # fmt: skip
"""Options with a value, which change nothing about what is asked; those without a value need no list."""
_TOLD = frozenset(
    {"proxy", "proxy-user", "proxy-header", "preproxy", "socks4", "socks4a", "socks5", "socks5-hostname",
     "cert", "cert-type", "key", "key-type", "pass", "cacert", "capath", "crlfile", "pinnedpubkey", "config",
     "netrc-file", "request-target", "unix-socket", "abstract-unix-socket", "variable", "login-options",
     "service-name", "delegation"}
)  # fmt: skip
_OTHER_LOGINS = frozenset({"ntlm", "negotiate", "anyauth"})


def command_document(text: str) -> bytes:
    """Raises OpenApiUnreadable for what is no command that could be called."""
    if len(text) > MAX_CHARS:
        raise OpenApiUnreadable(reason=f"a command has at most {MAX_CHARS} characters")
    command = split(text)
    if not command.words or _PROGRAM.split(command.words[0])[-1].lower() not in ("curl", "curl.exe"):
        raise OpenApiUnreadable(reason="the command does not begin with curl")
    made = Recording("curl", "")
    if command.more:
        made.findings.dropped("", "command", "only the first command is taken; hand in the others one by one")
    one = _Command(made, command.stdin).read(command.words[1:])
    made.title = urlsplit(one.url if "://" in one.url else f"https://{one.url}").hostname or "cURL"
    if not made.add(one, ""):
        raise OpenApiUnreadable(reason=f"{one.url[:80]} is no address of HTTP that can be called")
    return made.document()


class _Command:
    """Options as curl reads them; those that change nothing about the request are passed over."""

    def __init__(self, made: Recording, stdin: str | None) -> None:
        self._findings = made.findings
        self._stdin = stdin
        self._one = Recorded("", "")
        self._data: list[str] = []
        self._fields: dict[str, Any] = {}
        self._to_query = self._head = self._json = self._unknown = False

    def read(self, words: list[str]) -> Recorded:
        rest = iter(words)
        for word in rest:
            if word in ("--next", "-:"):
                self._findings.dropped("", "command", "what follows --next is another request, and is left out")
                break
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
            "upload-file": lambda: self._upload(given()),
            "digest": lambda: setattr(self._one, "digest", True),
            "aws-sigv4": lambda: self._signed(given()),
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
        elif name in _OTHER_LOGINS:
            self._findings.dropped("", "security", f"--{name} is no login that can be used here")

    def _upload(self, given: str) -> None:
        self._one.method = self._one.method or "PUT"
        self._from_file(given)

    def _signed(self, given: str) -> None:
        """``provider[:provider2[:region[:service]]]``"""
        region, service = [*given.split(":")[2:4], "", ""][:2]
        host = (urlsplit(self._one.url).hostname or "").split(".")
        service = service or ("execute-api" if "execute-api" in host else host[0])
        self._one.auth.append(("aws_sigv4", signed_by_aws(service, region)))

    def _from_file(self, name: str) -> None:
        self._unknown = True
        self._findings.note("", "file", f"what stands in {name[:80]} is not known: it is a parameter")

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
            if given == "@-" and self._stdin is not None:
                self._data.append(self._stdin)
            else:
                self._from_file(given[1:])
            return
        if way == "data-urlencode":
            name, equals, value = given.partition("=")
            given = f"{name}={quote(value)}" if name and equals else quote(value if equals else given)
        self._data.append(given)

    def _field(self, given: str, *, text: bool) -> None:
        name, _, value = given.partition("=")
        made: Any = value
        if not text and value[:1] in ("@", "<"):
            kind = next((one[5:] for one in value.split(";")[1:] if one.startswith("type=")), "")
            made = File(_PROGRAM.split(value[1:].split(";")[0].strip('"'))[-1], kind)
        elif not text:
            made, typed, kind = value.partition(";type=")
            if typed and "json" in kind:
                made = body_of(made, kind)[1]
        with_value(self._fields, name, made)

    def _finished(self) -> Recorded:
        one = self._one
        if not one.url:
            raise OpenApiUnreadable(reason="the command names no address")
        joined = "".join(self._data) if self._json else "&".join(self._data)
        if self._to_query:
            one.query += parse_qsl(joined, keep_blank_values=True)
        elif self._fields:
            one.form, one.body = "multipart", self._fields
        elif self._unknown:
            one.form, one.content_type = "unknown", one.content_type or ("application/json" if self._json else "")
        elif self._data:
            one.content_type = one.content_type or ("application/json" if self._json else "")
            one.form, one.body = body_of(joined, one.content_type)
            if one.form == "text" and not one.content_type:
                one.form, one.body = body_of(joined, "application/x-www-form-urlencoded")
        one.basic = one.basic and not one.digest and not one.auth
        one.method = one.method or ("HEAD" if self._head else "POST" if one.form else "GET")
        return one
