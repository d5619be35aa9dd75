"""What a token of a provider must be like; everything else is refused."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ipaas.accounts.oidc import Attempt, OidcClient, SignOnFailed
from ipaas.accounts.single_signon import Provider, asked_second_factor

ISSUER = "https://login.example"
KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
ATTEMPT = Attempt(state="s", nonce="n-1", verifier="v" * 43)
CONFIGURATION = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


def jwk(key: Any, kid: str) -> dict[str, Any]:
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {"iss": ISSUER, "aud": "ipaas", "sub": "u-1", "exp": now + 300, "iat": now, "nonce": "n-1"}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(key: Any = KEY, alg: str = "RS256", kid: str | None = "k1", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=alg, headers={"kid": kid} if kid else None)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the provider answers by the end of the address, and what it was asked."""
    found: dict[str, Any] = {"configuration": CONFIGURATION, "keys": {"keys": [jwk(KEY, "k1")]}, "asked": []}

    def answer(self: OidcClient, method: str, url: str, headers: Any = None, body: bytes = b"") -> Any:
        del self
        found["asked"].append((method, url, dict(headers or ()), body))
        return found[url.rpartition("/")[2].removeprefix("openid-")]

    monkeypatch.setattr(OidcClient, "_json", answer)
    return found


def finish(answers: dict[str, Any], made: str, **more: Any) -> dict[str, Any]:
    answers["token"] = {"id_token": made, **more}
    return OidcClient(ISSUER, "ipaas", "t0p").finish(ATTEMPT, "https://ipaas.example/back", "code-1")


def test_a_good_token_tells_who_it_is(answers: dict[str, Any]) -> None:
    assert finish(answers, token())["sub"] == "u-1"
    (exchange,) = [asked for asked in answers["asked"] if asked[1].endswith("/token")]
    assert b"code_verifier=" + b"v" * 43 in exchange[3]
    assert exchange[2][b"authorization"].startswith(b"Basic ")
    assert b"t0p" not in exchange[3]


def test_the_challenge_is_s256_of_the_verifier() -> None:
    attempt = Attempt(state="", nonce="", verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert attempt.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B


@pytest.mark.parametrize(
    "made",
    [
        "", "x", "a.b.c", token()[:-8] + "AAAAAAAA", token(aud="other"), token(aud=["ipaas", "other"], azp="other"),
        token(iss="https://evil.example"), token(exp=int(time.time()) - 3600), token(exp=None), token(iat=None),
        token(sub=None), token(nonce="n-2"), token(nonce=None), token(key=OTHER), token(key=OTHER, kid="k2"),
        token(iat=int(time.time()) + 3600), jwt.encode(claims(), None, algorithm="none"),
        jwt.encode(claims(), "s" * 64, algorithm="HS256", headers={"kid": "k1"}),
    ],
    ids=[
        "none", "garbage", "no-json", "signature", "audience", "party", "issuer", "expired", "endless", "undated",
        "nobody", "nonce", "no-nonce", "foreign-key", "unknown-key", "future", "unsigned", "shared-secret",
    ],
)  # fmt: skip
def test_a_bad_token_is_refused(answers: dict[str, Any], made: str) -> None:
    with pytest.raises(SignOnFailed):
        finish(answers, made)


def test_a_new_key_of_the_provider_is_asked_for_once(answers: dict[str, Any]) -> None:
    client = OidcClient(ISSUER, "ipaas", None)
    for made in (token(), token()):
        answers["token"] = {"id_token": made}
        client.finish(ATTEMPT, "https://ipaas.example/back", "code-1")
    answers["keys"] = {"keys": [jwk(OTHER, "k2")]}
    answers["token"] = {"id_token": token(key=OTHER, kid="k2")}
    client.finish(ATTEMPT, "https://ipaas.example/back", "code-1")
    assert [asked[1] for asked in answers["asked"]].count(f"{ISSUER}/keys") == 2


def test_userinfo_is_of_the_same_person(answers: dict[str, Any]) -> None:
    answers["configuration"] = {**CONFIGURATION, "userinfo_endpoint": f"{ISSUER}/userinfo"}
    answers["userinfo"] = {"sub": "u-1", "groups": ["ops"], "iss": "ignored"}
    found = finish(answers, token(), access_token="at")
    assert (found["groups"], found["iss"]) == (["ops"], ISSUER)
    answers["userinfo"] = {"sub": "u-2", "groups": ["admins"]}
    with pytest.raises(SignOnFailed, match="another person"):
        finish(answers, token(), access_token="at")


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example"}, {"token_endpoint": "http://login.example/token"},
        {"jwks_uri": None}, {"authorization_endpoint": 7},
    ],
    ids=["issuer", "plain", "missing", "number"],
)  # fmt: skip
def test_a_configuration_that_is_not_to_be_trusted(answers: dict[str, Any], changes: dict[str, Any]) -> None:
    answers["configuration"] = {**CONFIGURATION, **changes}
    with pytest.raises(SignOnFailed):
        finish(answers, token())


def test_groups_become_roles() -> None:
    roles = {"ops": ["acme:operator", "globex:auditor"], "all": ["acme:auditor", "acme:emperor"]}
    sso = Provider("SSO", ISSUER, "openid", "groups", False, roles, OidcClient(ISSUER, "ipaas", None))
    assert sso.granted(["ops", "all", "unknown"]) == {"acme": ["auditor", "operator"], "globex": ["auditor"]}
    assert sso.roles_of_workspace("acme") == {"ops": ["operator"], "all": ["auditor"]}
    assert sso.roles_of_workspace("nowhere") == {}


@pytest.mark.parametrize(
    ("amr", "strong"), [(["pwd"], False), (["pwd", "otp"], True), (["mfa"], True), ("mfa", False), (None, False)]
)
def test_what_counts_as_a_second_factor(amr: Any, strong: bool) -> None:
    assert asked_second_factor({"amr": amr}) is strong
