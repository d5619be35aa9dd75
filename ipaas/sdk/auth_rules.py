"""What the schema of manifests can not see of authentication schemes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ipaas.sdk.credential_fields import DEFAULT_FIELDS

Finding = dict[str, str]

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "oauth2_client_credentials": ("token_url",),
    "oauth2_authorization_code": ("authorize_url", "token_url"),
    "aws_sigv4": ("service",),
    "session": ("login", "token"),
    "all": ("schemes",),
}
_SENDING = frozenset({"session", "oauth2_client_credentials", "oauth2_authorization_code", "jwt_bearer"})
_ONLY_ONE = _SENDING | {"digest"}


def auth_findings(schemes: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Schemes that lack something, contradict themselves, or can not go together."""
    by_name = {one["name"]: one for one in schemes}
    if len(by_name) != len(schemes):
        yield _finding("auth", "duplicate", "two schemes have the same name")
    if not any(one.get("alone", True) for one in schemes):
        yield _finding("auth", "required", "a connection needs a scheme that it may choose")
    for number, scheme in enumerate(schemes):
        place = f"auth.{number}"
        for key in _NEEDED.get(scheme["type"], ()):
            if not scheme.get(key):
                yield _finding(place, "required", f"the type {scheme['type']} needs {key}")
        if "rotates" in scheme and scheme["type"] != "session":
            yield _finding(f"{place}.rotates", "unusable", "only the token of a session changes with its use")
        yield from _in_body(place, scheme)
        if "schemes" in scheme:
            yield from _together(f"{place}.schemes", scheme, by_name)


def places_in_body(scheme: Mapping[str, Any]) -> list[str]:
    """Where a scheme puts its credential into the body; none where it goes elsewhere."""
    given = list(scheme.get("send", {}).get("body", ()))
    if scheme.get("in") == "body" and not given:
        return [scheme.get("parameter", "")]
    return given


def _in_body(place: str, scheme: Mapping[str, Any]) -> Iterator[Finding]:
    places, told = places_in_body(scheme), scheme.get("send", {})
    if not places:
        return
    fetches = scheme["type"] in _SENDING and (scheme["type"] != "jwt_bearer" or "token_url" in scheme)
    if scheme["type"] == "api_key":
        if scheme.get("in") != "body":
            yield _finding(f"{place}.send.body", "unusable", "an API key that goes into the body says `in: body`")
        elif not all(part for one in places for part in one.split(".")):
            yield _finding(f"{place}.parameter", "required", "an API key in the body needs its place there")
    elif not fetches:
        yield _finding(f"{place}.send.body", "unusable", f"the type {scheme['type']} puts nothing into the body")
    if "header" in told or "prefix" in told:
        yield _finding(f"{place}.send", "unusable", "a credential goes into the body or into a header, not both")
    if "rotates" in scheme:
        yield _finding(f"{place}.rotates", "unusable", "a token that changes with its use goes into a header")
    for one in places:
        if any(other.startswith(f"{one}.") for other in places):
            yield _finding(f"{place}.send.body", "duplicate", f"{one} is a place, and holds another one too")


def _together(place: str, scheme: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    if scheme["type"] != "all":
        yield _finding(place, "unusable", "only the type all names schemes")
        return
    parts = []
    for name in scheme["schemes"]:
        part = by_name.get(name)
        if part is None:
            yield _finding(place, "unknown", f"there is no scheme {name}")
        elif part["type"] in ("all", "none"):
            yield _finding(place, "unusable", f"{name} is of the type {part['type']}")
        else:
            parts.append(part)
    if sum(part["type"] in _ONLY_ONE for part in parts) > 1:
        yield _finding(place, "unusable", "only one of them may fetch a token or answer a challenge")
    names = [name for part in parts for name in _fields(part)]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _finding(place, "duplicate", f"two of them read the field {name}; give each fields of its own")
    sent = [where for part in parts for where in _sent_in(part)]
    for where in sorted({where for where in sent if sent.count(where) > 1}):
        yield _finding(place, "duplicate", f"two of them are sent in {where}")


def _fields(scheme: Mapping[str, Any]) -> list[str]:
    given = [one["name"] for one in scheme.get("fields", [])]
    return given or [one.name for one in DEFAULT_FIELDS[scheme["type"]]]


def _sent_in(scheme: Mapping[str, Any]) -> list[str]:
    if places := places_in_body(scheme):
        return [f"the body's {one}" for one in places]
    if scheme["type"] == "api_key":
        place, usual = scheme.get("in", "header"), "api_key" if scheme.get("in") == "query" else "X-Api-Key"
        return [f"the {place} {scheme.get('parameter', usual).lower()}"]
    if scheme["type"] == "hmac":
        return []
    return [f"the header {scheme.get('send', {}).get('header', 'Authorization').lower()}"]


def _finding(path: str, code: str, message: str) -> Finding:
    return {"path": path, "code": code, "message": message}
