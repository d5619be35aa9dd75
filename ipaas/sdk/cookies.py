"""Cookies of a request as one header line (RFC 6265, 4.2.1), and back: no value can end its cookie."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

COOKIES = "cookie_fields"
"""Their place in a request as it is shown; by this name each is masked for its own name, not all for being cookies."""
_IN_NAME = "!#$&'*+^`|"
_IN_VALUE = "!#$&'()*+/:<=>?@[]^`{|}"
"""What stays as it is beside letters, digits and ``-._~``; not the percent sign, so that it can be undone."""


def cookie_line(pairs: Iterable[tuple[str, str]]) -> str:
    """The header of the cookies. Raises UnicodeEncodeError for what is not valid Unicode."""
    return "; ".join(f"{quote(name, safe=_IN_NAME)}={quote(value, safe=_IN_VALUE)}" for name, value in pairs)


def cookie_pairs(line: str) -> tuple[tuple[str, str], ...]:
    """The cookies of a header, decoded."""
    pairs = (one.strip().partition("=") for one in line.split(";"))
    return tuple((unquote(name), unquote(value)) for name, _, value in pairs if name)


def with_credential(headers: Mapping[str, str], credential: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request with those of its credential, which win; of cookies, those of the same name."""
    made = {**headers, **credential}
    if "cookie" in headers and "cookie" in credential:
        taken = {name for name, _ in cookie_pairs(credential["cookie"])}
        kept = cookie_line(pair for pair in cookie_pairs(headers["cookie"]) if pair[0] not in taken)
        made["cookie"] = "; ".join(filter(None, (kept, credential["cookie"])))
    return made
