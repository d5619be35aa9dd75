"""HTTP Digest (RFC 7616, and RFC 2069 for servers without ``qop``): reading a challenge, making its answer."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from ipaas.sdk.credential_fields import CredentialUnusable, checked_field
from ipaas.sdk.manifest import AuthScheme

DIGEST = "digest"
_PART = re.compile(r'(?:([A-Za-z0-9_-]+)[ \t]+)?([A-Za-z0-9*_-]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s,"]+)')
_HASHES = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}
"""By preference; each also with ``-sess``."""
_MAX_CHALLENGE = 4096


@dataclass(slots=True)
class Challenge:
    """What a server asked for; ``count`` says how often its nonce was used."""

    realm: str
    nonce: str
    opaque: str | None
    algorithm: str
    told_algorithm: bool
    qop: str
    charset: str = "utf-8"
    count: int = field(default=0)


def read_challenge(told: str) -> Challenge | None:
    """The strongest Digest challenge of a ``WWW-Authenticate`` header that can be answered, or None."""
    found = [one for one in map(_challenge, _challenges(told[:_MAX_CHALLENGE])) if one is not None]
    order = list(_HASHES)
    return min(found, key=lambda one: order.index(_plain(one.algorithm)), default=None)


def authorization(
    scheme: AuthScheme, fields: Mapping[str, str], challenge: Challenge, method: str, uri: str, body: bytes
) -> str:
    """The ``Authorization`` header of a request; counts the nonce up. Raises CredentialUnusable."""
    username = checked_field(scheme, fields, "username", header=False)
    password = fields.get("password", "")
    if any(ord(char) < 32 or ord(char) == 127 for char in username):
        raise CredentialUnusable(scheme=scheme.name, reason="the field username holds a control character")
    challenge.count += 1
    count, cnonce = f"{challenge.count:08x}", secrets.token_hex(16)
    return _answer(challenge, username, password, method, uri, body, count, cnonce)


def _answer(
    challenge: Challenge, username: str, password: str, method: str, uri: str, body: bytes, count: str, cnonce: str
) -> str:
    def digest(*parts: str) -> str:
        return _hashed(challenge, ":".join(parts).encode(challenge.charset, "replace"))

    known = digest(username, challenge.realm, password)
    if challenge.algorithm.endswith("-sess"):
        known = digest(known, challenge.nonce, cnonce)
    asked = digest(method, uri, _hashed(challenge, body)) if challenge.qop == "auth-int" else digest(method, uri)
    counted = (count, cnonce, challenge.qop) if challenge.qop else ()
    parts = [_user(username), *(_quoted(name, getattr(challenge, name)) for name in ("realm", "nonce"))]
    parts += [_quoted("uri", uri), _quoted("response", digest(known, challenge.nonce, *counted, asked))]
    if challenge.told_algorithm:
        parts.append(f"algorithm={challenge.algorithm}")
    if challenge.opaque is not None:
        parts.append(_quoted("opaque", challenge.opaque))
    if challenge.qop:
        parts += [f"qop={challenge.qop}", f"nc={count}", _quoted("cnonce", cnonce)]
    return "Digest " + ", ".join(parts)


def _hashed(challenge: Challenge, data: bytes) -> str:
    return hashlib.new(_HASHES[_plain(challenge.algorithm)], data, usedforsecurity=False).hexdigest()


def _challenges(told: str) -> list[dict[str, str]]:
    """The parameters of each Digest challenge, names in lower case."""
    found: list[dict[str, str]] = []
    here: dict[str, str] | None = None
    for scheme, name, value in _PART.findall(told):
        if scheme:
            here = {} if scheme.lower() == DIGEST else None
            if here is not None:
                found.append(here)
        if here is not None:
            bare = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] == '"' else value
            here.setdefault(name.lower(), bare)
    return found


def _challenge(told: Mapping[str, str]) -> Challenge | None:
    given = told.get("algorithm", "MD5")
    session = "-sess" if given.lower().endswith("-sess") else ""
    plain = next((name for name in _HASHES if name.lower() == given.lower().removesuffix("-sess")), "")
    offered = [one.strip().lower() for one in told.get("qop", "").split(",") if one.strip()]
    qop = next((one for one in ("auth", "auth-int") if one in offered), "")
    if not plain or not told.get("nonce") or "realm" not in told or (offered and not qop):
        return None
    if not all(text.isascii() and text.isprintable() for text in (told["nonce"], told.get("opaque", ""))):
        return None
    charset = "utf-8" if told.get("charset", "utf-8").lower() == "utf-8" else "latin-1"
    return Challenge(
        told["realm"], told["nonce"], told.get("opaque"), plain + session, "algorithm" in told, qop, charset
    )


def _plain(algorithm: str) -> str:
    return algorithm.removesuffix("-sess")


def _user(username: str) -> str:
    """``username*`` (RFC 8187) for what a quoted string can not hold."""
    if username.isascii():
        return _quoted("username", username)
    return f"username*=UTF-8''{quote(username, safe='')}"


def _quoted(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'
