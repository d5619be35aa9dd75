"""Challenges by which senders find out that an address is meant for them, before they deliver to it.

Six families: a member of the body comes back (Slack, Event Grid), a query parameter comes back (Microsoft Graph,
Dropbox), a digest of one comes back (eBay), ``hub.challenge`` comes back for the right ``hub.verify_token`` (WebSub,
Meta), a secret comes back that signs from then on (Asana), or an empty 200 is enough.
What comes back is only what was sent, as text that no browser renders, short and of harmless characters; whoever is to
prove knowledge of the secret proves it first.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from ipaas.core import jsonio
from ipaas.core.errors import IpaasError
from ipaas.core.phrases import said
from ipaas.sdk.paths import read_path

MOST_PARAMETERS = 50
SECRET = re.compile(r"[A-Za-z0-9+/=._~-]{16,512}\Z")
HARMLESS = re.compile(r"[A-Za-z0-9 ._~:+/=,;|@()\[\]*!$%&?#-]{1,1024}\Z")
TEXT, JSON = "text/plain; charset=utf-8", "application/json"
_MODES = frozenset({"subscribe", "unsubscribe"})
METHODS: Mapping[str, frozenset[str]] = {
    "echo_query": frozenset({"GET", "POST"}),
    "digest_query": frozenset({"GET"}),
    "hub_challenge": frozenset({"GET"}),
    "empty": frozenset({"GET", "HEAD", "OPTIONS"}),
}


class HandshakeRefused(IpaasError):
    """The endpoint does not answer this challenge: {reason}."""

    status = 403
    code = "handshake_refused"
    title = "Challenge not answered"
    remedy = "Check the handshake in the endpoint's settings, and the verify_token in its signing secret."


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender is answered; a challenge always with status 200."""

    body: bytes = b""
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Greeting:
    """A sender's first request: the secret that it will sign with, and the header that takes it back."""

    header: str
    secret: str

    def answer(self) -> Answer:
        return Answer(headers={self.header: self.secret})


@dataclass(frozen=True, slots=True)
class Handshake:
    """How a sender asks; see the manifest's ``handshake``."""

    kind: Literal["echo_body", "echo_query", "digest_query", "hub_challenge", "keep_secret", "empty"]
    path: str = ""
    equals: str = ""
    value: str = ""
    member: str = ""
    parameter: str = ""
    header: str = ""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Handshake":
        """From the ``handshake`` object of a manifest or an endpoint (already validated against the schema)."""
        return cls(**document)

    def greeting(self, method: str, headers: Mapping[str, str]) -> Greeting | None:
        """The secret that a sender brings; None when this is a delivery. Raises HandshakeRefused.

        ``headers`` have lower-case names. Whether a secret is still waited for is not known here.
        """
        found = headers.get(self.header.lower()) if self.kind == "keep_secret" and method == "POST" else None
        if found is None:
            return None
        if not SECRET.match(found):
            raise HandshakeRefused(
                reason=said("the header {header} holds no secret of 16 to 512 usual characters", header=self.header)
            )
        return Greeting(self.header, found)

    def unsigned(self, method: str, query: str, body: bytes, tokens: Sequence[str], url: str = "") -> Answer | None:
        """The answer to a challenge that nobody signs; None when this is none. Raises HandshakeRefused.

        ``tokens`` are the live ``verify_token`` of the endpoint's secret, ``url`` is its address.
        """
        if method not in METHODS.get(self.kind, frozenset()):
            return None
        if self.kind == "empty":
            return Answer()
        asked = _parameters(query)
        if self.kind == "echo_query":
            return Answer(_harmless(asked[self.parameter])) if self.parameter in asked and not body else None
        if self.kind == "digest_query":
            return self._digest(asked, tokens, url)
        return self._subscription(asked, tokens)

    def signed(self, document: Any) -> Answer | None:
        """The answer to a challenge in a body whose signature was checked; None when this is a delivery."""
        if self.kind != "echo_body" or read_path(document, self.path) != self.equals:
            return None
        found = read_path(document, self.value)
        if not isinstance(found, str):
            raise HandshakeRefused(reason=said("the body's {path} is not a text", path=self.value))
        value = _harmless(found)
        return Answer(jsonio.dumps({self.member: found}), JSON) if self.member else Answer(value)

    def _digest(self, asked: Mapping[str, str], tokens: Sequence[str], url: str) -> Answer | None:
        if self.parameter not in asked:
            return None
        if not tokens:
            raise HandshakeRefused(reason=said("the endpoint's secret holds no verify_token"))
        text = _harmless(asked[self.parameter]) + tokens[0].encode() + url.encode()
        return Answer(jsonio.dumps({self.member: hashlib.sha256(text).hexdigest()}), JSON)

    def _subscription(self, asked: Mapping[str, str], tokens: Sequence[str]) -> Answer | None:
        if "hub.challenge" not in asked:
            return None
        if asked.get("hub.mode") not in _MODES:
            raise HandshakeRefused(reason=said("its hub.mode is neither subscribe nor unsubscribe"))
        presented = asked.get("hub.verify_token", "")
        right = [hmac.compare_digest(presented.encode(), one.encode()) for one in tokens]
        if not any(right) and (tokens or presented):
            raise HandshakeRefused(reason=said("its hub.verify_token is not that of the endpoint"))
        return Answer(_harmless(asked["hub.challenge"]))


HANDSHAKES: Mapping[str, Mapping[str, str]] = {
    "slack": {"kind": "echo_body", "path": "type", "equals": "url_verification", "value": "challenge"},
    "asana": {"kind": "keep_secret", "header": "X-Hook-Secret"},
    "ebay": {"kind": "digest_query", "parameter": "challenge_code", "member": "challengeResponse"},
}
"""The challenges of vendors of signature schemes, for endpoints that say nothing else."""


def _parameters(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS))
    except ValueError:
        return {}


def _harmless(text: str) -> bytes:
    if not HARMLESS.match(text):
        raise HandshakeRefused(reason=said("the challenge is longer than 1,024 characters or holds unusual ones"))
    return text.encode()
