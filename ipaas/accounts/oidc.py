"""An OpenID Connect provider (Core 1.0, Discovery 1.0) as a client sees it: codes with PKCE, tokens checked strictly.

Every request goes through the one door out; the provider's own host may be private, since the installation names it.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

import jwt

from ipaas.core import jsonio
from ipaas.core.errors import IpaasError
from ipaas.core.net import EgressPolicy, HttpClient, NetError, UrlRefused, parse_url
from ipaas.core.phrases import said

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by the provider's key; never ``none``, never one by a secret that we share."""
DEADLINE_S = 10.0
LARGEST = 1_000_000
LEEWAY_S = 60
KNOWN_FOR_S = 600.0


class SignOnFailed(IpaasError):
    """Single sign-on did not succeed: {reason}"""

    status = 403
    code = "single_signon.failed"
    title = "Single sign-on failed"
    remedy = "Try again; if it stays, tell whoever runs the installation."


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one sign-in must find again when the browser comes back; kept in its session."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Attempt":
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @property
    def challenge(self) -> str:
        """PKCE S256 (RFC 7636)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the provider's discovery document says."""

    authorization: str
    token: str
    keys: str
    userinfo: str
    basic: bool
    """Whether the secret goes into the Authorization header, else into the form."""


class OidcClient:
    """One provider; endpoints and keys are remembered by this process for some minutes."""

    def __init__(self, issuer: str, client_id: str, secret: str | None) -> None:
        self.issuer, self.client_id, self._secret = issuer, client_id, secret
        try:
            target = parse_url(issuer)
        except UrlRefused as error:
            raise SignOnFailed(
                reason=said("the issuer is not a usable address: {detail}", detail=error.detail)
            ) from None
        self._egress = EgressPolicy(allow_private=frozenset({(target.host, target.port)}))
        self._plain = target.scheme == "http"
        self._endpoints: tuple[float, Endpoints] | None = None
        self._keys: tuple[float, dict[str, Any]] | None = None

    def begin(self, attempt: Attempt, redirect_uri: str, scopes: str) -> str:
        """The provider's address that the browser is sent to."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        place = self.endpoints().authorization
        return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"

    def finish(self, attempt: Attempt, redirect_uri: str, code: str) -> dict[str, Any]:
        """The person's claims for a code; raises SignOnFailed unless everything about the tokens is right."""
        endpoints = self.endpoints()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"accept", b"application/json")]
        if self._secret is not None and endpoints.basic:
            pair = f"{quote(self.client_id, safe='')}:{quote(self._secret, safe='')}".encode()
            headers.append((b"authorization", b"Basic " + base64.b64encode(pair)))
        else:
            form["client_id"] = self.client_id
            if self._secret is not None:
                form["client_secret"] = self._secret
        tokens = self._json("POST", endpoints.token, headers, urlencode(form).encode())
        claims = self._checked(str(tokens.get("id_token", "")), attempt.nonce)
        access = tokens.get("access_token")
        if endpoints.userinfo and isinstance(access, str) and access.isascii():
            told = self._json("GET", endpoints.userinfo, [(b"authorization", f"Bearer {access}".encode())])
            if told.get("sub") != claims["sub"]:
                raise SignOnFailed(reason=said("the provider told of another person than it vouched for"))
            claims = {**told, **claims}
        return claims

    def endpoints(self) -> Endpoints:
        if self._endpoints is None or self._endpoints[0] < time.monotonic():
            found = self._json("GET", f"{self.issuer}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise SignOnFailed(reason=said("the provider calls itself otherwise than IPAAS_OIDC_ISSUER"))
            methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
            endpoints = Endpoints(
                authorization=self._address(found, "authorization_endpoint"),
                token=self._address(found, "token_endpoint"),
                keys=self._address(found, "jwks_uri"),
                userinfo=self._address(found, "userinfo_endpoint") if found.get("userinfo_endpoint") else "",
                basic="client_secret_basic" in methods,
            )
            self._endpoints = (time.monotonic() + KNOWN_FOR_S, endpoints)
        return self._endpoints[1]

    def _address(self, found: Mapping[str, Any], name: str) -> str:
        address = found.get(name)
        if not isinstance(address, str) or not address.startswith("https://" if not self._plain else "http"):
            raise SignOnFailed(reason=said("the provider's {name} is no https address", name=name))
        return address

    def _checked(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token (Core 1.0, 3.1.3.7)."""
        try:
            head = jwt.get_unverified_header(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key=self._key(head.get("kid")),
                algorithms=ALGORITHMS,
                audience=self.client_id,
                issuer=self.issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise SignOnFailed(reason=said("its token is not valid ({name})", name=type(error).__name__)) from None
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise SignOnFailed(reason=said("its token belongs to another sign-in"))
        if claims.get("azp", self.client_id) != self.client_id or not isinstance(claims["sub"], str):
            raise SignOnFailed(reason=said("its token is for another installation"))
        return claims

    def _key(self, kid: object) -> Any:
        """The provider's key of an id; asked for anew once, when it is not among those known."""
        known = self._keys[1] if self._keys is not None and self._keys[0] >= time.monotonic() else {}
        if kid not in known:
            found = self._json("GET", self.endpoints().keys)
            keys = jwt.PyJWKSet.from_dict(dict(found)).keys
            known = {str(key.key_id): key.key for key in keys}
            self._keys = (time.monotonic() + KNOWN_FOR_S, known)
        if kid in known:
            return known[kid]
        if kid is None and len(known) == 1:
            return next(iter(known.values()))
        raise SignOnFailed(reason=said("its token is signed with a key that the provider does not name"))

    def _json(
        self, method: str, url: str, headers: list[tuple[bytes, bytes]] | None = None, body: bytes = b""
    ) -> dict[str, Any]:
        """Ask the provider, through the egress guard; raises SignOnFailed for anything but a good JSON object."""

        async def ask() -> tuple[int, bytes]:
            async with HttpClient() as client:
                answer = await client.call(
                    method, url, headers or [], body, egress=self._egress, deadline_s=DEADLINE_S, max_body=LARGEST
                )
            return answer.status, answer.body

        try:
            status, content = asyncio.run(ask())
            found = jsonio.loads(content)
        except NetError as error:
            raise SignOnFailed(reason=said("the provider can not be asked: {detail}", detail=error.detail)) from None
        except jsonio.JsonInvalid:
            raise SignOnFailed(reason=said("the provider did not answer with JSON")) from None
        if status != 200 or not isinstance(found, dict):
            code = found.get("error") if isinstance(found, dict) else None
            raise SignOnFailed(reason=f"the provider answered {status}" + (f" ({str(code)[:60]})" if code else ""))
        return found


@lru_cache(maxsize=4)
def client_of(issuer: str, client_id: str, secret: str | None) -> OidcClient:
    """The client of a provider, one per process."""
    return OidcClient(issuer, client_id, secret)
