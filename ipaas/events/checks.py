"""What must hold for an endpoint before it is stored."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import jsonschema_rs

from ipaas.catalog.resolution import egress_of
from ipaas.core.drafts import valid_slug
from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.core.net import NetError, check_url
from ipaas.core.phrases import said, sentences
from ipaas.events.intake import MAX_BODY
from ipaas.events.models import Endpoint
from ipaas.sdk.signatures import SignatureScheme
from ipaas.sdk.signatures.certificates import authorities
from ipaas.sdk.signatures.hmacs import readable
from ipaas.sdk.signatures.public_keys import holds as holds_key
from ipaas.vault.inbound import open_versions
from ipaas.vault.models import Secret, SecretVersion
from ipaas.vault.uses import SecretUse

FIELD = "signing_secret"
"""The field of a signing secret that signatures are made with."""
VERIFY_TOKEN = "verify_token"  # noqa: S105 - the name of a field
"""The field of a signing secret that a subscription's challenge must bear (``hub.verify_token``)."""
ANSWERS = (200, 201, 202, 204)
MOST_SOURCES, MOST_PER_MINUTE, SMALLEST_BODY = 100, 1_000_000, 100
_OTHER_FORM = said("the secret is not encoded as the scheme says; Standard Webhooks: whsec_ and base64")
_PATH = re.compile(r"(?=.{1,300}\Z)[^\s.+]+(?:\.[^\s.+]+)*(?: *\+ *[^\s.+]+(?:\.[^\s.+]+)*)*\Z")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,80}\Z")


def check(endpoint: Endpoint) -> None:
    """Raise InvalidInput with every fault."""
    errors = [*_text_faults(endpoint), *_signature_faults(endpoint), *_secret_faults(endpoint)]
    errors += _policy_faults(endpoint)
    if errors:
        raise InvalidInput([{"path": f"/{path}", "code": code, "message": message} for path, code, message in errors])


Fault = tuple[str, str, str]


def _text_faults(endpoint: Endpoint) -> list[Fault]:
    faults: list[Fault] = []
    if not valid_slug(endpoint.slug):
        faults.append(("slug", "slug.invalid", said("a slug is 1 to 80 small letters, digits and hyphens")))
    if not 0 < len(endpoint.title) <= 200:
        faults.append(("title", "title.length", said("1 to 200 characters")))
    if not endpoint.delivery_header and not endpoint.delivery_path:
        message = said("name the header or the path in the body that holds the delivery's id")
        faults.append(("delivery_header", "header.name", message))
    form = said("is the name of a header, or empty")
    faults += [
        (name, "header.name", form) for name in ("delivery_header", "event_header") if _odd(endpoint, name, _HEADER)
    ]
    form = said("is a path such as event.id, or several joined by +")
    faults += [(name, "path.form", form) for name in ("delivery_path", "event_path") if _odd(endpoint, name, _PATH)]
    return faults


def _odd(endpoint: Endpoint, name: str, form: re.Pattern[str]) -> bool:
    value = getattr(endpoint, name)
    return bool(value) and form.match(value) is None


def _signature_faults(endpoint: Endpoint) -> list[Fault]:
    faults = [
        ("signature", "signature.form", error.message[:300])
        for error in _form("signature").iter_errors(endpoint.signature)
    ]
    if not faults and endpoint.signature_required and endpoint.signature["scheme"] == "none":
        faults.append(("signature", "signature.none", said("a required signature needs a scheme that signs")))
    if not faults:
        faults += [
            fault
            for name in ("jwks_url", "key_url")
            if name in endpoint.signature
            for fault in _address_faults(endpoint, name)
        ]
        faults += _key_faults(endpoint.signature)
    return faults


def _key_faults(signature: Mapping[str, Any]) -> list[Fault]:
    """A public key or an authority that nothing could ever be checked with."""
    scheme = SignatureScheme.from_document(signature)
    faults: list[Fault] = []
    if scheme.key and not holds_key(scheme.algorithm, scheme.key):
        message = said("is no public key for {algorithm} in a form that is known", algorithm=scheme.algorithm)
        faults.append(("signature/key", "key.form", message))
    try:
        authorities(scheme.authority) if scheme.authority else None
    except ValueError:
        faults.append(("signature/authority", "certificate.form", said("is no certificate in PEM")))
    return faults


def _policy_faults(endpoint: Endpoint) -> list[Fault]:
    faults = []
    if endpoint.handshake:
        found = _form("handshake").iter_errors(endpoint.handshake)
        faults += [("handshake", "handshake.form", error.message[:300]) for error in found]
    if len(endpoint.sources) > MOST_SOURCES:
        faults.append(("sources", "sources.many", said("names at most {most} networks", most=MOST_SOURCES)))
    for one in endpoint.sources[:MOST_SOURCES]:
        try:
            ip_network(one)
        except ValueError:
            message = said("{one!r} is no address and no network such as 192.0.2.0/24", one=one[:50])
            faults.append(("sources", "sources.form", message))
    if endpoint.max_body is not None and not SMALLEST_BODY <= endpoint.max_body <= MAX_BODY:
        faults.append(
            (
                "max_body",
                "max_body.range",
                said("is {least} to {most:,} bytes, or empty", least=SMALLEST_BODY, most=MAX_BODY),
            )
        )
    if endpoint.rate_per_minute is not None and not 1 <= endpoint.rate_per_minute <= MOST_PER_MINUTE:
        faults.append(
            (
                "rate_per_minute",
                "rate.range",
                said("is 1 to {most:,}, or empty for no cap", most=MOST_PER_MINUTE),
            )
        )
    if endpoint.answer_status not in ANSWERS:
        faults.append(("answer_status", "answer.status", said("is 200, 201, 202 or 204")))
    return faults


def _address_faults(endpoint: Endpoint, name: str) -> list[Fault]:
    """Where a sender publishes its keys: public and encrypted, or a private target that the workspace allows."""
    url, path = endpoint.signature[name], f"signature/{name}"
    policy = egress_of(endpoint.workspace.settings)
    try:
        target = check_url(url, policy)
    except NetError as error:
        return [(path, error.code, sentences(error.detail, error.advice))]
    if target.scheme != "https" and not policy.allows_private(target.host, target.port):
        return [(path, "url.plain", said("must begin with https://"))]
    return []


def _secret_faults(endpoint: Endpoint) -> list[Fault]:
    slug = endpoint.secret_slug
    brought = endpoint.handshake.get("kind") == "keep_secret"
    if not slug and (brought or _vouches_alone(endpoint.signature)):
        return []
    if not slug:
        message = said("name the signing secret that the sender shares")
        return [("secret_slug", "secret.missing", message)] if endpoint.signature_required else []
    secret = Secret.objects.in_workspace(endpoint.workspace_id).filter(kind=Secret.Kind.SIGNING, slug=slug).first()
    if secret is None:
        return [("secret_slug", "secret.unknown", said("there is no signing secret {slug!r}", slug=slug))]
    live = secret.versions.filter(state=SecretVersion.State.LIVE).first()
    if live is None or FIELD not in live.field_names:
        return [
            (
                "secret_slug",
                "secret.unusable",
                said("the secret has no live version with a field {field!r}", field=FIELD),
            )
        ]
    return [] if _in_form(endpoint) else [("secret_slug", "secret.form", _OTHER_FORM)]


def _in_form(endpoint: Endpoint) -> bool:
    """Whether the signing secret can verify anything; believed where it can not be opened at present."""
    if not _form("signature").is_valid(endpoint.signature):
        return True
    scheme = SignatureScheme.from_document(endpoint.signature)
    if scheme.kind not in ("hmac", "standard-webhooks"):
        return True
    try:
        opened = open_versions(endpoint.workspace_id, endpoint.secret_slug, purpose=f"endpoint/{endpoint.slug}")
    except IpaasError:
        return True
    return any(readable(scheme, one[FIELD]) for one in opened if FIELD in one)


def _vouches_alone(signature: Mapping[str, Any]) -> bool:
    known = _form("signature").is_valid(signature)
    return known and SignatureScheme.from_document(signature).vouches_alone


def endpoints_using(workspace_id: UUID, slug: str) -> list[SecretUse]:
    """The endpoints that check signatures with a secret."""
    rows = Endpoint.objects.filter(workspace_id=workspace_id, secret_slug=slug).select_related("environment")
    return [SecretUse("endpoint", row.slug, row.environment.slug) for row in rows]


@cache
def _form(name: str) -> jsonschema_rs.Draft202012Validator:
    """The manifest's form of a signature or a handshake."""
    text = resources.files("ipaas.sdk").joinpath("manifest_schema.json").read_text()
    schema = json.loads(text)
    return jsonschema_rs.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})
