"""One strict reader of addresses: what it accepts has exactly one meaning to every party.

Spellings that some resolver or server would read differently (decimal, octal or hexadecimal IPv4, trailing dots,
zones, user names, backslashes, white space, percent-encoded hosts) are refused rather than repaired.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

import idna

from .errors import UrlRefused

MAX_URL = 16_384
_DEFAULT_PORT = {"http": 80, "https": 443}
_URL = re.compile(r"(https?)://([^/?#]*)([^#]*)", re.IGNORECASE)
_PATH = re.compile(r"(?:[/?][!-\[\]-~]*)?")  # visible ASCII without the backslash
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")


class Target(NamedTuple):
    """Where a request goes: a checked address, cheap to derive others of the same origin from."""

    scheme: str
    host: str
    """Lower case ASCII name or canonical numeric address, without brackets."""
    port: int
    host_header: bytes
    path: bytes
    """The request target: path and query, as sent."""

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host_header.decode('ascii')}"

    def at(self, path: str) -> "Target":
        """The same origin with another path and query."""
        return self._replace(path=request_path(path))


def parse_url(url: str) -> Target:
    """Read an absolute http(s) URL; raises UrlRefused, whose text never repeats the URL."""
    if len(url) > MAX_URL:
        raise UrlRefused(reason=f"it is longer than {MAX_URL} characters")
    match = _URL.fullmatch(url)
    if match is None:
        raise UrlRefused(reason="it is not an absolute http or https address without a fragment")
    scheme, authority, path = match.groups()
    return _origin(scheme.lower(), authority)._replace(path=request_path(path))


def request_path(path: str) -> bytes:
    """Path and query as they go on the wire; raises UrlRefused."""
    if not _PATH.fullmatch(path):
        raise UrlRefused(reason="path or query holds white space, control, non-ASCII or other characters to be encoded")
    if not path.startswith("/"):
        path = "/" + path
    return path.encode("ascii")


@lru_cache(maxsize=2048)
def _origin(scheme: str, authority: str) -> Target:
    if "@" in authority:
        raise UrlRefused(reason="it holds a user name or password")
    host_text, port = _split_port(authority, _DEFAULT_PORT[scheme])
    host = normalise_host(host_text)
    if (":" in host) != host_text.startswith("["):
        raise UrlRefused(reason="brackets belong around IPv6 addresses, and only there")
    shown = f"[{host}]" if ":" in host else host
    if port != _DEFAULT_PORT[scheme]:
        shown = f"{shown}:{port}"
    return Target(scheme, host, port, shown.encode("ascii"), b"/")


def _split_port(authority: str, default: int) -> tuple[str, int]:
    if authority.startswith("["):
        host, bracket, rest = authority.partition("]")
        host += bracket
        if rest and not rest.startswith(":"):
            raise UrlRefused(reason="something follows the closing bracket of the host")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = authority.partition(":")
    if not colon:
        return host, default
    if not _PORT.fullmatch(port) or int(port) > 65_535:
        raise UrlRefused(reason="the port is not a number between 1 and 65535")
    return host, int(port)


@lru_cache(maxsize=2048)
def normalise_host(host: str) -> str:
    """The one spelling of a host name or numeric address (brackets are dropped); raises UrlRefused."""
    if host.startswith("["):
        return _ipv6(host.removeprefix("[").removesuffix("]") if host.endswith("]") else "")
    if ":" in host:
        return _ipv6(host)
    name = _to_ascii(host)
    labels = name.split(".")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        return _ipv4(name, written=host)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlRefused(reason="the host is not a proper name")
    return name


def _to_ascii(host: str) -> str:
    if host.isascii():
        name = host.lower()
        if "xn--" in name:
            _checked_idna(name)
        return name
    return _checked_idna(host)


def _checked_idna(host: str) -> str:
    try:
        name = idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
        idna.decode(name)
    except (idna.IDNAError, UnicodeError) as error:
        raise UrlRefused(reason="the host is not a proper international name") from error
    return name.lower()


def _ipv4(name: str, *, written: str) -> str:
    try:
        address = str(IPv4Address(name))
    except ValueError:
        address = ""
    if address != written:
        raise UrlRefused(reason="a numeric host must be four plain decimal numbers")
    return address


def _ipv6(text: str) -> str:
    if "%" in text:
        raise UrlRefused(reason="an IPv6 address must not name a zone")
    try:
        address = IPv6Address(text)
    except ValueError as error:
        raise UrlRefused(reason="the host is not a proper IPv6 address") from error
    if address.ipv4_mapped is not None:
        raise UrlRefused(reason="an IPv4 address must be written as such, not inside an IPv6 address")
    return str(address)
