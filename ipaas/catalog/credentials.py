"""Secrets as the gateway holds them: opened through the vault, kept briefly, and wiped from everything shown."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from ipaas.catalog.threads import once_beside
from ipaas.core.net import TlsContext, tls_context
from ipaas.core.redaction import spellings
from ipaas.sdk.auth import Credential
from ipaas.sdk.digest import Challenge
from ipaas.vault.opening import open_secret, peek_secret

JSON = Any
TLS_FIELDS = ("tls_client_cert", "tls_client_key", "tls_key_password", "tls_ca")
"""Fields that any connection's secret may hold: a client certificate with its key, and a private authority (PEM)."""
_PUBLIC = frozenset({"tls_client_cert", "tls_ca", "region", "issuer", "subject"})
MASK = "‹secret›"
_SHORTEST = 6
_MAX_KEPT = 1000


@dataclass(slots=True)
class OpenedSecret:
    """Fields of one version. ``static``: credentials that are the same for every request, by connector and scheme.

    ``challenges``: what servers asked for, by origin and scheme.
    """

    fields: Mapping[str, str]
    needles: re.Pattern[str] | None
    byte_needles: tuple[bytes, ...]
    static: dict[tuple[str, str, str], Credential] = field(default_factory=dict)
    tls: TlsContext | None = None
    challenges: dict[tuple[str, str], Challenge] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "OpenedSecret(…)"


NOTHING = OpenedSecret({}, None, ())
_opened: dict[tuple[UUID, str], OpenedSecret] = {}


async def opened(workspace_id: UUID, slug: str, *, purpose: str, flow_label: str) -> OpenedSecret:
    """The secret's live version, counted as read by the vault; compiled for scrubbing once per version."""
    if not slug:
        return NOTHING
    fields = peek_secret(workspace_id, slug, purpose=purpose, flow_label=flow_label)
    if fields is None:
        key = ("secret", workspace_id, slug)
        fields = await once_beside(key, open_secret, workspace_id, slug, purpose=purpose, flow_label=flow_label)
    kept = _opened.get((workspace_id, slug))
    if kept is None or kept.fields != fields:
        if len(_opened) >= _MAX_KEPT:
            _opened.clear()
        kept = _opened[(workspace_id, slug)] = opened_from(fields)
    return kept


def opened_from(fields: Mapping[str, str]) -> OpenedSecret:
    forms = _forms(fields)
    text = re.compile("|".join(re.escape(form) for form in forms)) if forms else None
    return OpenedSecret(dict(fields), text, tuple(form.encode() for form in forms))


def tls_of(secret: OpenedSecret) -> TlsContext | None:
    """The TLS settings that a secret brings along; None for the usual ones. Raises TlsFailed for unusable PEM."""
    fields = secret.fields
    if secret.tls is None and any(fields.get(name) for name in TLS_FIELDS):
        secret.tls = tls_context(
            ca_pem=fields.get("tls_ca", ""),
            client_cert_pem=fields.get("tls_client_cert", ""),
            client_key_pem=fields.get("tls_client_key", ""),
            key_password=fields.get("tls_key_password", ""),
        )
    return secret.tls


def forget_all() -> None:
    """Drop everything that was opened."""
    _opened.clear()


def holds(secret: OpenedSecret, data: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> bool:
    """Whether bytes, or headers, contain a value of the secret in any form it may be written in."""
    lines = b"\n".join(value for _, value in headers)
    return any(form in data or form in lines for form in secret.byte_needles)


def scrubbed(value: JSON, secret: OpenedSecret) -> JSON:
    """The value with every form of the secret's values masked, in keys too."""
    if secret.needles is None:
        return value
    return _scrub(value, secret.needles)


def _scrub(value: JSON, needles: re.Pattern[str]) -> JSON:
    if isinstance(value, str):
        return needles.sub(MASK, value)
    if isinstance(value, Mapping):
        return {needles.sub(MASK, str(key)): _scrub(item, needles) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_scrub(item, needles) for item in value]
    return value


def _forms(fields: Mapping[str, str]) -> list[str]:
    """Spellings in which a value may come back, the longest first."""
    forms: set[str] = set()
    for name, value in fields.items():
        if len(value) >= _SHORTEST and name not in _PUBLIC:
            forms |= {form.decode() for form in spellings(value.encode())}
    if fields.get("password"):
        pair = f"{fields.get('username', '')}:{fields['password']}"
        forms.add(base64.b64encode(pair.encode()).decode().rstrip("="))
    return sorted(forms, key=len, reverse=True)
