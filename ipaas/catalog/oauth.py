"""Access tokens by client credentials: shared through the database, refreshed early and by one worker only."""

import asyncio
import weakref
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from ipaas.catalog.credentials import OpenedSecret, opened_from
from ipaas.catalog.errors import CredentialDetached
from ipaas.catalog.models import OAuthToken
from ipaas.catalog.resolution import Resolved
from ipaas.catalog.threads import in_thread
from ipaas.core.clock import now
from ipaas.core.errors import IpaasError
from ipaas.core.logging import protect_opened
from ipaas.core.net import HttpClient, Target, parse_url
from ipaas.sdk.auth import Token, read_token, token_request
from ipaas.vault.payloads import sealer_for

_LEASE_S = 30
_UNSTATED_LIFE_S = 300
_EARLY_S = 60
_EARLY_SHARE = 0.1
_MAX_TOKEN_BODY = 65_536


class TokenBusy(IpaasError):
    """Another worker is fetching the access token of {connection}."""

    status = 503
    code = "token_busy"
    title = "Access token under way"
    remedy = "Nothing to do: the call is made again in a moment."


@dataclass(frozen=True, slots=True)
class _Held:
    """A token in memory, with the secret's fields so that it is scrubbed like them."""

    value: str
    fresh_until: datetime
    secret: OpenedSecret


_held: dict[UUID, _Held] = {}
_locks: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[UUID, asyncio.Lock]]" = weakref.WeakKeyDictionary()


async def with_token(
    resolved: Resolved, secret: OpenedSecret, client: HttpClient, deadline_s: float, *, refused: str = ""
) -> OpenedSecret:
    """The secret with a valid ``access_token``; ``refused`` is a token that the other side did not take.

    Raises TokenBusy when another worker is at it and there is no valid token, TokenRefused, NetError.
    """
    held = _held.get(resolved.id)
    if held is not None and held.value != refused and held.fresh_until > now() and _same(held, secret):
        return held.secret
    locks = _locks.setdefault(asyncio.get_running_loop(), {})
    async with locks.setdefault(resolved.id, asyncio.Lock()):
        held = _held.get(resolved.id)
        if held is None or held.value == refused or held.fresh_until <= now() or not _same(held, secret):
            held = _held[resolved.id] = await _obtain(resolved, secret, client, deadline_s, refused)
    return held.secret


def forget_token(connection_id: UUID) -> None:
    """Drop the token that this process holds."""
    _held.pop(connection_id, None)


def _same(held: _Held, secret: OpenedSecret) -> bool:
    """Whether the token was obtained with this very version of the secret."""
    return all(held.secret.fields.get(name) == value for name, value in secret.fields.items())


async def _obtain(
    resolved: Resolved, secret: OpenedSecret, client: HttpClient, deadline_s: float, refused: str
) -> _Held:
    value, fresh_until = await in_thread(_read_or_claim, resolved.id, resolved.workspace_id, refused)
    if value is None:
        try:
            token = await _fetch(resolved, secret, client, deadline_s)
        except BaseException:
            await in_thread(_release, resolved.id)
            raise
        value, fresh_until = token.value, await in_thread(_store, resolved.id, resolved.workspace_id, token)
    protect_opened(value)
    return _Held(value, fresh_until, opened_from({**secret.fields, "access_token": value}))


async def _fetch(resolved: Resolved, secret: OpenedSecret, client: HttpClient, deadline_s: float) -> Token:
    scheme, base = resolved.scheme, resolved.target
    if scheme is None or base is None or not resolved.secret_bound:
        raise CredentialDetached(connection=resolved.slug)
    target = token_target(scheme.token_url, base, resolved.base_path)
    request = token_request(scheme, secret.fields, target.path.decode("ascii"))
    headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
    answer = await client.call(
        "POST",
        target,
        headers,
        request.body,
        egress=resolved.egress,
        deadline_s=deadline_s,
        max_body=_MAX_TOKEN_BODY,
    )
    return read_token(answer.status, answer.body)


def token_target(token_url: str, base: Target, base_path: str) -> Target:
    """Where tokens come from: an address of the manifest, or a path on the connection's own origin."""
    return base.at(base_path + token_url) if token_url.startswith("/") else parse_url(token_url)


@transaction.atomic
def _read_or_claim(connection_id: UUID, workspace_id: UUID, refused: str) -> tuple[str | None, datetime]:
    """A stored token that is good, or (None, …) with the right to fetch one; raises TokenBusy."""
    OAuthToken.objects.get_or_create(connection_id=connection_id)
    row = OAuthToken.objects.select_for_update().get(connection_id=connection_id)
    moment = now()
    value = _opened_value(row, workspace_id)
    usable = value is not None and value != refused and row.expires_at is not None and row.expires_at > moment
    if value is not None and usable and row.expires_at is not None and _fresh_until(row) > moment:
        return value, _fresh_until(row)
    if row.refreshing_until is not None and row.refreshing_until > moment:
        if value is not None and usable:
            return value, moment + timedelta(seconds=1)
        raise TokenBusy(connection=connection_id)
    row.refreshing_until = moment + timedelta(seconds=_LEASE_S)
    row.save(update_fields=["refreshing_until"])
    return None, moment


def _opened_value(row: OAuthToken, workspace_id: UUID) -> str | None:
    if row.sealed is None:
        return None
    return sealer_for(workspace_id).open(bytes(row.sealed), _aad(row.connection_id)).decode()


def _fresh_until(row: OAuthToken) -> datetime:
    """Tokens are renewed a minute or a tenth of their life before they end, whichever is less."""
    if row.expires_at is None or row.obtained_at is None:
        return now()
    life = (row.expires_at - row.obtained_at).total_seconds()
    return row.expires_at - timedelta(seconds=min(_EARLY_S, life * _EARLY_SHARE))


def _store(connection_id: UUID, workspace_id: UUID, token: Token) -> datetime:
    moment = now()
    life = token.expires_in_s if token.expires_in_s is not None else _UNSTATED_LIFE_S
    row = OAuthToken.objects.get(connection_id=connection_id)
    row.sealed = sealer_for(workspace_id).seal(token.value.encode(), _aad(connection_id))
    row.number += 1
    row.obtained_at, row.expires_at, row.refreshing_until = moment, moment + timedelta(seconds=life), None
    row.save()
    return _fresh_until(row)


def _release(connection_id: UUID) -> None:
    OAuthToken.objects.filter(connection_id=connection_id).update(refreshing_until=None)


def _aad(connection_id: UUID) -> bytes:
    return b"oauth-token:" + connection_id.bytes
