"""The part of a stand-in that gives out tokens: the page to say yes on, the token endpoint, and the vendor's own login.

It checks what a careful vendor checks: codes and refresh tokens work once, with the verifier and address that they were
asked for with. Any client is known to it, and any password is right.
"""

import base64
import hashlib
import html
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from ipaas.core.jsonio import dumps, loads
from ipaas.sdk.manifest import AuthScheme, Manifest
from ipaas.sdk.paths import with_path
from ipaas.sdk.stubs.http import StubAnswer, StubRequest, json_answer

LIFE_S = 3600
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<h1>{title}</h1><p>This is its stub: it knows everybody, and nobody has to sign in.</p>
<p>“{client}” asks for: {scopes}</p>
<p><a id="allow" href="{allow}">Allow</a> &nbsp; <a id="deny" href="{deny}">Deny</a></p></html>"""
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class _Code:
    client_id: str
    redirect_uri: str
    challenge: str
    scope: str


class Authority:
    """Codes and refresh tokens of one stand-in, in memory."""

    def __init__(self, manifest: Manifest) -> None:
        self._title = manifest.title
        self._schemes = tuple(scheme for scheme in manifest.auth.values() if not scheme.together)
        self._sessions: dict[str, set[str]] = {}
        self.codes: dict[str, _Code] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.requests: list[str] = []
        """Grant types asked for, in order; for tests."""

    def reset(self) -> None:
        self.codes.clear()
        self.refresh_tokens.clear()
        self.requests.clear()
        self._sessions.clear()

    def answer(self, request: StubRequest, path: str) -> StubAnswer | None:
        """What it says to a request; None where that is not for it."""
        for scheme in self._schemes:
            if request.method == "GET" and scheme.authorize_url and path == _path(scheme.authorize_url):
                return self._authorize(scheme, request, path)
            if scheme.login.path and path == scheme.login.path and _is_login(scheme, request):
                return self._logged_in(scheme)
        here = {one.type: one for one in self._schemes if one.token_url and path == _path(one.token_url)}
        return self._token(here, request) if here and request.method == "POST" else None

    def begin(self, scheme: AuthScheme, token: str) -> None:
        """Take a token as one that was given out; for test benches."""
        self._sessions.setdefault(scheme.name, set()).add(token)

    def in_force(self, scheme: AuthScheme, given: str) -> bool:
        """Whether a token that changes with its use is one that was given out and did not end."""
        return given.removeprefix(scheme.send_prefix) in self._sessions.get(scheme.name, ())

    def moved_on(self, request: StubRequest, answer: StubAnswer) -> StubAnswer:
        """The answer with the token of the next call, where one is used; a serial one ends with it."""
        for scheme in self._schemes:
            given = request.headers.get(scheme.send_header, "")
            if scheme.rotates is None or not self.in_force(scheme, given):
                continue
            value = self._opened(scheme, given.removeprefix(scheme.send_prefix) if scheme.rotates.serial else "")
            if scheme.rotates.header:
                return replace(answer, headers={**answer.headers, scheme.rotates.header: value})
            body = loads(answer.body) if answer.body else {}
            if isinstance(body, dict):
                return replace(answer, body=dumps(with_path(body, scheme.rotates.path, value)))
        return answer

    def _opened(self, scheme: AuthScheme, before: str = "") -> str:
        value = str(secrets.randbelow(10**9) + 10**9) if scheme.send_body else "stub-" + secrets.token_urlsafe(24)
        known = self._sessions.setdefault(scheme.name, set())
        known.discard(before)
        known.add(value)
        return value

    def _logged_in(self, scheme: AuthScheme) -> StubAnswer:
        value = self._opened(scheme)
        if scheme.token.header:
            return json_answer(200, {}, {scheme.token.header: value})
        token = int(value) if scheme.send_body else value  # who logs in so is told a user's number
        return json_answer(200, with_path({}, scheme.token.path, token))

    def _authorize(self, scheme: AuthScheme, request: StubRequest, path: str) -> StubAnswer:
        query = request.query
        missing = [name for name in ("client_id", "redirect_uri", "state") if not query.get(name)]
        if missing or query.get("response_type") != "code":
            return json_answer(400, {"error": "invalid_request", "missing": missing})
        if scheme.pkce and (query.get("code_challenge_method") != "S256" or not query.get("code_challenge")):
            return json_answer(400, {"error": "invalid_request", "missing": ["code_challenge"]})
        decision = query.get("decision", "")
        if not decision:
            return self._page(query, request.path)
        if decision != "allow":
            return _back(query, {"error": "access_denied"})
        code = "code-" + secrets.token_urlsafe(16)
        self.codes[code] = _Code(
            query["client_id"], query["redirect_uri"], query.get("code_challenge", ""), query.get("scope", "")
        )
        return _back(query, {"code": code})

    def _page(self, query: Mapping[str, str], path: str) -> StubAnswer:
        links = {name: html.escape(f"{path}?{urlencode({**query, 'decision': name})}") for name in ("allow", "deny")}
        text = _PAGE.format(
            title=html.escape(self._title),
            client=html.escape(query["client_id"]),
            scopes=html.escape(query.get("scope", "") or "nothing in particular"),
            **links,
        )
        return StubAnswer(200, text.encode(), {"content-type": "text/html; charset=utf-8"})

    def _token(self, here: Mapping[str, AuthScheme], request: StubRequest) -> StubAnswer:
        """``here``: the schemes by type whose token endpoint this is."""
        form = request.json()
        if not isinstance(form, dict):
            return json_answer(400, {"error": "invalid_request"})
        grant = str(form.get("grant_type", ""))
        self.requests.append(grant)
        if grant == _JWT_GRANT and "jwt_bearer" in here:
            known = str(form.get("assertion", "")).count(".") == 2
            return _granted("") if known else json_answer(400, {"error": "invalid_grant"})
        client = _client_of(request, form)
        if client is None:
            return json_answer(401, {"error": "invalid_client"})
        if grant == "client_credentials" and "oauth2_client_credentials" in here:
            return _granted(str(form.get("scope", "")))
        if grant == "authorization_code" and (by_code := here.get("oauth2_authorization_code")):
            return self._for_code(by_code, client, form)
        if grant == "refresh_token" and "oauth2_authorization_code" in here:
            known_scope = self.refresh_tokens.pop(str(form.get("refresh_token", "")), None)
            if known_scope is None:
                return json_answer(400, {"error": "invalid_grant"})
            return self._renewable(known_scope)
        return json_answer(400, {"error": "unsupported_grant_type"})

    def _for_code(self, scheme: AuthScheme, client: str, form: Mapping[str, Any]) -> StubAnswer:
        known = self.codes.pop(str(form.get("code", "")), None)
        verifier = str(form.get("code_verifier", "")).encode("utf-8", "replace")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=").decode()
        if known is None or known.client_id != client or known.redirect_uri != form.get("redirect_uri"):
            return json_answer(400, {"error": "invalid_grant"})
        if scheme.pkce and known.challenge != challenge:
            return json_answer(400, {"error": "invalid_grant"})
        return self._renewable(known.scope)

    def _renewable(self, scope: str) -> StubAnswer:
        refresh = "refresh-" + secrets.token_urlsafe(24)
        self.refresh_tokens[refresh] = scope
        return _granted(scope, refresh)


def _client_of(request: StubRequest, form: Mapping[str, Any]) -> str | None:
    """The client's id, from the header or the body; None where it does not prove itself and is no public one."""
    header = request.headers.get("authorization", "")
    if header.startswith("Basic "):
        try:
            pair = base64.b64decode(header[6:], validate=True).decode()
        except ValueError:
            return None
        return unquote(pair.partition(":")[0])
    client = str(form.get("client_id", ""))
    proved = bool(form.get("client_secret")) or "code_verifier" in form or form.get("grant_type") == "refresh_token"
    return client if client and proved else None


def _granted(scope: str, refresh: str = "") -> StubAnswer:
    told = {"access_token": "stub-" + secrets.token_urlsafe(24), "token_type": "Bearer", "expires_in": LIFE_S}
    told |= {"scope": scope} if scope else {}
    return json_answer(200, {**told, **({"refresh_token": refresh} if refresh else {})})


def digest_challenge() -> str:
    """What a digest answers (RFC 7616 3.3)."""
    return f'Digest realm="stub", qop="auth", algorithm=SHA-256, nonce="{secrets.token_hex(16)}"'


def _is_login(scheme: AuthScheme, request: StubRequest) -> bool:
    """Whether a request to the login's path is one: another call may share it, as with JSON-RPC."""
    return request.method == scheme.login.method and _like(scheme.login.body, request.json())


def _like(template: Any, value: Any) -> bool:
    """Whether a value has what a template spells out."""
    if isinstance(template, Mapping):
        return isinstance(value, Mapping) and all(_like(one, value.get(name)) for name, one in template.items())
    return not isinstance(template, str) or "{{" in template or value == template


def _back(query: Mapping[str, str], told: Mapping[str, str]) -> StubAnswer:
    address = query["redirect_uri"]
    pairs = urlencode({**told, "state": query["state"]})
    return StubAnswer(302, b"", {"location": f"{address}{'&' if '?' in address else '?'}{pairs}"})


def _path(address: str) -> str:
    return address if address.startswith("/") else urlsplit(address).path
