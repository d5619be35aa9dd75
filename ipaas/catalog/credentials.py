"""Secrets as the gateway holds them: opened through the vault, kept briefly, and wiped from everything shown."""

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus
from uuid import UUID

from ipaas.catalog.threads import in_thread
from ipaas.sdk.auth import Credential

JSON = Any
KEEP_S = 30.0
MASK = "‹secret›"
_SHORTEST = 6
_MAX_KEPT = 1000


@dataclass(slots=True)
class OpenedSecret:
    """Fields of one version. ``static``: the credential, where it is the same for every request."""

    fields: Mapping[str, str]
    needles: re.Pattern[str] | None
    byte_needles: re.Pattern[bytes] | None
    expires: float
    static: Credential | None = None

    def __repr__(self) -> str:
        return "OpenedSecret(…)"


NOTHING = OpenedSecret({}, None, None, float("inf"))
_opened: dict[tuple[UUID, str], OpenedSecret] = {}


async def opened(workspace_id: UUID, slug: str, *, flow_label: str) -> OpenedSecret:
    """The secret's present version; at most half a minute old. Every use is counted for the audit trail."""
    if not slug:
        return NOTHING
    key = (workspace_id, slug)
    secret = _opened.get(key)
    if secret is not None and secret.expires > time.monotonic():
        count_read(workspace_id, slug, flow_label)
        return secret
    fields = await in_thread(read_secret, workspace_id, slug, flow_label)
    if len(_opened) >= _MAX_KEPT:
        _opened.clear()
    secret = _opened[key] = opened_from(fields)
    return secret


def opened_from(fields: Mapping[str, str]) -> OpenedSecret:
    forms = _forms(fields)
    text = re.compile("|".join(re.escape(form) for form in forms)) if forms else None
    raw = re.compile(b"|".join(re.escape(form.encode()) for form in forms)) if forms else None
    return OpenedSecret(dict(fields), text, raw, time.monotonic() + KEEP_S)


def read_secret(workspace_id: UUID, slug: str, flow_label: str) -> Mapping[str, str]:
    from ipaas.vault.reads import open_secret

    return open_secret(workspace_id, slug, purpose="call", flow_label=flow_label)


def count_read(workspace_id: UUID, slug: str, flow_label: str) -> None:
    """A use of a secret that was opened before."""
    from ipaas.vault.reads import count_use

    count_use(workspace_id, slug, flow_label=flow_label)


def forget(workspace_id: UUID | None = None, slug: str | None = None) -> None:
    """Drop opened secrets: all, or one that changed."""
    if workspace_id is None or slug is None:
        _opened.clear()
    else:
        _opened.pop((workspace_id, slug), None)


def holds(secret: OpenedSecret, data: bytes) -> bool:
    """Whether bytes contain a value of the secret in any form it may be written in."""
    return secret.byte_needles is not None and secret.byte_needles.search(data) is not None


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
    """Spellings in which a value may come back: plain, in JSON, in URLs, in Base64, in hexadecimal."""
    forms: set[str] = set()
    for value in fields.values():
        if len(value) >= _SHORTEST:
            raw = value.encode()
            forms |= {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
            forms |= {quote(value, safe=""), quote(value), quote_plus(value), raw.hex(), _base64(raw)}
            forms.add(base64.urlsafe_b64encode(raw).decode().rstrip("="))
    if fields.get("password"):
        forms.add(_base64(f"{fields.get('username', '')}:{fields['password']}".encode()))
    return sorted(forms, key=len, reverse=True)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")
