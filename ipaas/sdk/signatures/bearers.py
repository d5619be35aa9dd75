"""Deliveries that bear a shared secret or a token instead of a signature over the body.

Basic (RFC 7617), a fixed token in a header or in the body (``clientState`` of Microsoft's services), and JSON Web
Tokens (RFC 7519, RFC 8725): the algorithm is the endpoint's, never the token's. Only a token with a ``body_claim``
binds the body; the others prove the sender alone.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.exceptions import PyJWTError

from ipaas.core import jsonio
from ipaas.core.phrases import said
from ipaas.sdk.signatures.scheme import (
    Delivery,
    SignatureInvalid,
    SignatureScheme,
    SigningSecretUnusable,
    Verified,
    header_of,
)

LEEWAY_S = 60
MAX_KEYS = 100


# -- a shared secret -------------------------------------------------------------------------------------------------


def verify_basic(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> Verified:
    """The secret is ``user:password``."""
    scheme, _, text = header_of(delivery.headers, form.header).strip().partition(" ")
    if scheme.lower() != "basic":
        raise SignatureInvalid(reason=said("the header {header} is not of the scheme Basic", header=form.header))
    try:
        presented = base64.b64decode(text.strip().encode("ascii"), validate=True)
    except ValueError:
        raise SignatureInvalid(reason=said("the header {header} can not be read", header=form.header)) from None
    return Verified(None, None, _same(presented, secrets))


def sign_basic(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str], delivery_id: str) -> dict[str, str]:
    del delivery, delivery_id
    return {form.header: form.prefix + base64.b64encode(_first(secrets).encode()).decode()}


def verify_token(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> Verified:
    if form.path:
        return Verified(None, None, _same_in_body(form.path, delivery.body, secrets))
    return Verified(None, None, _same(_presented(form, delivery.headers).encode("latin-1", "replace"), secrets))


def sign_token(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str], delivery_id: str) -> dict[str, str]:
    del delivery, delivery_id
    return {} if form.path else {form.header: form.prefix + _first(secrets)}


def _same_in_body(path: str, body: bytes, secrets: Sequence[str]) -> int:
    """The one live secret that stands everywhere the path leads to."""
    try:
        found = list(_tokens(jsonio.loads(body), path.split(".")))
    except jsonio.JsonInvalid:
        found = []
    if not found or not all(isinstance(one, str) for one in found):
        raise SignatureInvalid(reason=f"the body holds no token at {path}")
    matched = {_same(one.encode(), secrets) for one in found}
    if len(matched) > 1:
        raise SignatureInvalid(reason=f"the body holds different tokens at {path}")
    return matched.pop()


def _tokens(value: Any, names: Sequence[str]) -> Iterator[Any]:
    """What stands at a path, None where it is missing; of a list every element counts."""
    if isinstance(value, list):
        for one in value:
            yield from _tokens(one, names)
    elif not names:
        yield value
    else:
        yield from _tokens(value.get(names[0]) if isinstance(value, dict) else None, names[1:])


def with_token(form: SignatureScheme, value: Any, token: str | None) -> Any:
    """A body with a token, or null, wherever the scheme's path leads to."""
    return _with_token(value, form.path.split("."), token)


def _with_token(value: Any, names: Sequence[str], token: str | None) -> Any:
    if isinstance(value, list):
        return [_with_token(one, names, token) for one in value]
    if not names:
        return token
    if not isinstance(value, dict) or (token is None and names[0] not in value):
        return value
    return {**value, names[0]: _with_token(value.get(names[0], {}), names[1:], token)}


def _presented(form: SignatureScheme, headers: Mapping[str, str]) -> str:
    value, prefix = header_of(headers, form.header).strip(), form.prefix
    if value[: len(prefix)].lower() != prefix.lower():
        raise SignatureInvalid(
            reason=said("the header {header} does not begin with {prefix}", header=form.header, prefix=prefix.strip())
        )
    return value[len(prefix) :].strip()


def _same(presented: bytes, secrets: Sequence[str]) -> int:
    matched: int | None = None
    for index, secret in enumerate(secrets):
        if secret and hmac.compare_digest(presented, secret.encode()) and matched is None:
            matched = index
    if matched is None:
        raise SignatureInvalid(reason=said("it bears no live secret"))
    return matched


def _first(secrets: Sequence[str]) -> str:
    if not secrets or not secrets[0]:
        raise SigningSecretUnusable(reason=said("none is given"))
    return secrets[0]


# -- JSON Web Tokens -------------------------------------------------------------------------------------------------


def verify_jwt(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> Verified:
    """Each secret is a shared secret (HS…), or a public key in PEM, a JWK or a JWK set."""
    token = _presented(form, delivery.headers)
    payload, index = _opened(form, token, (*secrets, *delivery.keys))
    claims = _claims(payload)
    issued = _check_times(form, claims, delivery.now.timestamp())
    if form.issuer and claims.get("iss") != form.issuer:
        raise SignatureInvalid(reason=said("the token is from another issuer"))
    audience = claims.get("aud")
    if form.audience and form.audience not in (audience if isinstance(audience, list) else [audience]):
        raise SignatureInvalid(reason=said("the token is for another audience"))
    if form.body_claim:
        digest = hashlib.sha256(delivery.body).hexdigest()
        claimed = claims.get(form.body_claim)
        if not isinstance(claimed, str) or not hmac.compare_digest(claimed.lower().encode(), digest.encode()):
            raise SignatureInvalid(
                reason=said("the token's {claim} is not the digest of the body", claim=form.body_claim)
            )
    return Verified(None, issued, index)


def sign_jwt(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str], delivery_id: str) -> dict[str, str]:
    """Only with a shared secret: of a public key there is no private one here."""
    if not form.algorithm.startswith("HS"):
        raise SigningSecretUnusable(reason=said("only the sender holds the private key that signs"))
    moment = int(delivery.now.timestamp())
    claims: dict[str, Any] = {"iat": moment, "exp": moment + form.tolerance_s, "jti": delivery_id}
    claims |= {name: value for name, value in (("iss", form.issuer), ("aud", form.audience)) if value}
    if form.body_claim:
        claims[form.body_claim] = hashlib.sha256(delivery.body).hexdigest()
    try:
        token = _jws(form.algorithm).encode(jsonio.dumps(claims), _first(secrets).encode(), form.algorithm)
    except PyJWTError:
        raise SigningSecretUnusable(reason=said("it is too short for {algorithm}", algorithm=form.algorithm)) from None
    return {form.header: form.prefix + token}


def _opened(form: SignatureScheme, token: str, secrets: Sequence[str]) -> tuple[bytes, int]:
    jws = _jws(form.algorithm)
    try:
        named = jws.get_unverified_header(token).get("kid")
    except (PyJWTError, ValueError, TypeError):
        raise SignatureInvalid(reason=said("the token can not be read")) from None
    for index, secret in enumerate(secrets):
        for kid, key in keys_of(form.algorithm, secret):
            if kid is not None and named is not None and kid != named:
                continue
            try:
                return bytes(jws.decode_complete(token, key, [form.algorithm])["payload"]), index
            except (PyJWTError, ValueError, TypeError):
                continue
    raise SignatureInvalid(reason=said("no live key verifies the token by {algorithm}", algorithm=form.algorithm))


@lru_cache(maxsize=16)
def _jws(algorithm: str) -> jwt.PyJWS:
    """Knows this one algorithm; a key that is too short for it (RFC 7518) verifies nothing."""
    return jwt.PyJWS(algorithms=[algorithm], options={"verify_signature": True, "enforce_minimum_key_length": True})


@lru_cache(maxsize=256)
def keys_of(algorithm: str, secret: str) -> tuple[tuple[str | None, Any], ...]:
    """The keys of a secret with their ids; none where it is not in a form that the algorithm can use."""
    if algorithm.startswith("HS"):
        return ((None, secret.encode()),) if secret else ()
    text = secret.strip()
    try:
        if text.startswith("-----BEGIN PUBLIC KEY"):
            return ((None, load_pem_public_key(text.encode())),)
        document = jsonio.loads(text.encode())
        listed = document["keys"] if isinstance(document, dict) and "keys" in document else [document]
    except (ValueError, TypeError, jsonio.JsonInvalid):
        return ()
    found = (_key_of(algorithm, one) for one in (listed if isinstance(listed, list) else [])[:MAX_KEYS])
    return tuple(one for one in found if one is not None)


def _key_of(algorithm: str, key: Any) -> tuple[str | None, Any] | None:
    if not isinstance(key, Mapping) or key.get("kty") == "oct" or key.get("use", "sig") != "sig":
        return None
    if key.get("alg", algorithm) != algorithm:
        return None
    try:
        made = jwt.PyJWK(dict(key), algorithm)
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    kid = key.get("kid")
    return (kid if isinstance(kid, str) else None, made)


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        found = jsonio.loads(payload)
    except jsonio.JsonInvalid:
        found = None
    if not isinstance(found, dict):
        raise SignatureInvalid(reason=said("the token holds no claims"))
    return found


def _check_times(form: SignatureScheme, claims: Mapping[str, Any], now: float) -> int | None:
    """``exp`` decides where there is one, else ``iat`` within the replay window; a token without either is refused."""
    times = {name: _time(name, claims[name]) for name in ("exp", "nbf", "iat") if name in claims}
    if "exp" not in times and "iat" not in times:
        raise SignatureInvalid(reason=said("the token tells neither when it was issued (iat) nor when it ends (exp)"))
    if "exp" in times and now >= times["exp"] + LEEWAY_S:
        raise SignatureInvalid(reason=said("the token has expired"))
    if any(times.get(name, 0) > now + LEEWAY_S for name in ("nbf", "iat")):
        raise SignatureInvalid(reason=said("the token is not valid yet"))
    if "exp" not in times and now - times["iat"] > form.tolerance_s:
        raise SignatureInvalid(reason=said("the token is too old"))
    return int(times["iat"]) if "iat" in times else None


def _time(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value < 10**12:
        raise SignatureInvalid(reason=said("the token's {name} is not a time", name=name))
    return float(value)
