"""Tokens for calls: renewed early and by one worker only, whatever kind of scheme they come from.

A renewal goes on when the call that asked for it is cut off: the other side may have changed its refresh token already,
and the new one must be written down.
"""

import asyncio
import weakref
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl
from uuid import UUID

from django.db import InterfaceError, OperationalError

from ipaas.catalog import tokens
from ipaas.catalog.credentials import OpenedSecret, holds, opened_from, tls_of
from ipaas.catalog.errors import CredentialDetached, NotConnected, ReconnectNeeded, TokenBusy
from ipaas.catalog.resolution import Resolved
from ipaas.catalog.stand_in_place import is_stand_in
from ipaas.catalog.threads import in_thread
from ipaas.catalog.tokens import Claim, TokenSet
from ipaas.core.clock import now
from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger, protect_opened
from ipaas.core.net import HttpClient, NetError, Target, parse_url
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.tokens import (
    CODE,
    DEAD_GRANT,
    SESSION,
    Token,
    TokenRefused,
    address_in,
    read_token,
    refresh_request,
    token_request,
)

log = get_logger(__name__)
TOKEN_DEADLINE_S = 20.0
MAX_TOKEN_BODY = 65_536
_UNSTATED_LIFE_S = 300
_AGAIN = timedelta(seconds=15)
"""How long a token that could not be renewed is used before that is tried again."""
_WRITE_TRIES = 8
_SENT = frozenset({"refresh_token", "code", "code_verifier", "assertion"})
"""What a request for a token holds that is no field of the secret."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A token in memory, with the secret's fields so that it is scrubbed like them."""

    value: str
    fresh_until: datetime
    secret: OpenedSecret


_held: dict[UUID, _Held] = {}
_renewals: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[UUID, asyncio.Task[_Held]]]" = (
    weakref.WeakKeyDictionary()
)


async def with_token(
    resolved: Resolved, secret: OpenedSecret, client: HttpClient, *, refused: str = ""
) -> OpenedSecret:
    """The secret with a valid ``access_token``; ``refused`` is a token that the other side did not take.

    Raises TokenBusy when another worker is at it and there is no valid token, TokenRefused, ReconnectNeeded,
    NotConnected, NetError.
    """
    held = _held.get(resolved.id)
    if _good(held, secret, refused):
        return held.secret  # type: ignore[union-attr]  # a good one is there
    under_way = _renewals.setdefault(asyncio.get_running_loop(), {})
    task = under_way.get(resolved.id)
    if task is None:
        task = under_way[resolved.id] = asyncio.create_task(_obtain(resolved, secret, client, refused))
        task.add_done_callback(lambda done: (under_way.pop(resolved.id, None), done.cancelled() or done.exception()))
    return (await asyncio.shield(task)).secret


def forget_token(connection_id: UUID) -> None:
    """Drop the token that this process holds."""
    _held.pop(connection_id, None)


async def finish() -> None:
    """Wait for the renewals of this loop: who ends a loop must not lose what was answered."""
    under_way = _renewals.get(asyncio.get_running_loop(), {})
    await asyncio.gather(*under_way.values(), return_exceptions=True)


def _good(held: _Held | None, secret: OpenedSecret, refused: str) -> bool:
    """Whether a token may be used and was obtained with this very version of the secret."""
    if held is None or held.value == refused or held.fresh_until <= now():
        return False
    return all(held.secret.fields.get(name) == value for name, value in secret.fields.items())


async def _obtain(resolved: Resolved, secret: OpenedSecret, client: HttpClient, refused: str) -> _Held:
    found = await in_thread(tokens.claim, resolved.id, resolved.workspace_id, refused)
    if found.mine:
        stored, fresh_until = await _renewed(resolved, secret, client, found)
    else:
        assert found.stored is not None  # noqa: S101 - a claim is one's own, or holds a token
        stored, fresh_until = found.stored, max(found.stored.fresh_until, now() + timedelta(seconds=1))
    protect_opened(stored.access_token)
    held = _Held(stored.access_token, fresh_until, opened_from({**secret.fields, "access_token": stored.access_token}))
    _held[resolved.id] = held
    return held


async def _renewed(
    resolved: Resolved, secret: OpenedSecret, client: HttpClient, found: Claim
) -> tuple[TokenSet, datetime]:
    """A new token set, committed; or the present one, while it is good, when there is no new one to be had."""
    try:
        token = await fetch(resolved, secret, client, found.stored)
    except (TokenRefused, NetError, NotConnected) as error:
        ended = await _ended(resolved, found, error)
        if ended is not None and not found.usable:
            raise ended from error
        await in_thread(tokens.release, resolved.id)
        if not found.usable or found.stored is None:
            raise
        log.warning("token not renewed", action="token_kept", connection=resolved.slug, error=error.code)
        return found.stored, min(found.stored.usable_until, now() + _AGAIN)
    except BaseException:
        await in_thread(tokens.release, resolved.id)
        raise
    stored = await _written(resolved, token, found.stored)
    return stored, stored.fresh_until


async def _ended(resolved: Resolved, found: Claim, error: IpaasError) -> IpaasError | None:
    """What to raise where the grant is over for good; where another worker stored a newer set, it is not."""
    told = error.told if isinstance(error, TokenRefused) else ""
    if resolved.grant is None or resolved.grant.type != CODE or found.stored is None:
        return None
    if told not in DEAD_GRANT and found.stored.refresh_token:
        return None
    if not await in_thread(tokens.end_grant, resolved.id, found.stored.number, told):
        return TokenBusy(connection=resolved.id)
    log.warning("connection has to be connected again", action="grant_ended", connection=resolved.slug, told=told)
    return ReconnectNeeded(connection=resolved.slug, told=told or "its token is not taken any more")


async def _written(resolved: Resolved, token: Token, before: TokenSet | None) -> TokenSet:
    """The set is committed before anybody uses it; while the database is away it is tried again, then given up."""
    tries = 0
    while True:
        try:
            return await in_thread(tokens.store, resolved.id, resolved.workspace_id, token, before=before)
        except (InterfaceError, OperationalError):
            tries += 1
            if tries >= _WRITE_TRIES:
                log.exception("a token set could not be written", action="token_lost", connection=resolved.slug)
                raise
            await asyncio.sleep(min(2.0**tries / 10, 5.0))


async def fetch(resolved: Resolved, secret: OpenedSecret, client: HttpClient, stored: TokenSet | None = None) -> Token:
    """Ask for a token; ``stored`` holds the grant of a scheme that has one. Nothing is kept."""
    scheme = resolved.grant
    if scheme is None or resolved.target is None or not resolved.secret_bound:
        raise CredentialDetached(connection=resolved.slug)
    target = token_target(scheme, resolved)
    path = target.path.decode("ascii")
    if scheme.type == CODE:
        if stored is None:
            raise NotConnected(connection=resolved.slug)
        if not stored.refresh_token:
            raise TokenRefused(reason="there is no refresh token")
        request = refresh_request(scheme, secret.fields, path, stored.refresh_token)
    else:
        address = f"{target.origin}{path}"
        request = token_request(scheme, secret.fields, path, now=now(), audience=address, config=resolved.config)
    token = await ask(request, target, resolved, secret, client)
    if token.expires_in_s is None and scheme.type not in (CODE, SESSION):
        return Token(token.value, _UNSTATED_LIFE_S, token.refresh_token, token.scopes)
    return token


async def ask(
    request: BuiltRequest, target: Target, resolved: Resolved, secret: OpenedSecret, client: HttpClient
) -> Token:
    """Send a request of ``sdk.tokens`` and read its answer. A client certificate goes to the own origin only.

    What is kept and told of an answer, its scopes and error code, never repeats what was sent.
    """
    assert resolved.grant is not None  # noqa: S101 - asked by every caller
    if target.scheme != "https" and not resolved.egress.allows_private(target.host, target.port):
        raise TokenRefused(reason="its address does not begin with https")
    answer = await client.call(
        request.method,
        target,
        [(name.encode(), value.encode()) for name, value in request.headers.items()],
        request.body,
        egress=resolved.egress,
        deadline_s=TOKEN_DEADLINE_S,
        max_body=MAX_TOKEN_BODY,
        tls=tls_of(secret) if target.origin == resolved.origin else None,
    )
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
    sent = {name: value for name, value in parse_qsl(request.body.decode("latin-1")) if name in _SENT}
    known = opened_from({**secret.fields, **sent})
    try:
        token = read_token(resolved.grant, answer.status, headers, answer.body)
    except TokenRefused as refused:
        if not holds(known, refused.told.encode()):
            raise
        raise TokenRefused(reason=f"status {answer.status}, an error code that repeats a credential") from None
    if token.scopes is None:
        return token
    return replace(token, scopes=tuple(one for one in token.scopes if not holds(known, one.encode())))


def token_target(scheme: AuthScheme, resolved: Resolved) -> Target:
    """Where tokens come from: an address of the manifest, or a path on the connection's own origin."""
    assert resolved.target is not None  # noqa: S101 - asked by every caller
    path = scheme.login.path if scheme.type == SESSION else scheme.token_url
    return address_target(path, resolved)


def address_target(text: str, resolved: Resolved) -> Target:
    """An address of a scheme with the connection's settings filled in; raises UrlRefused, CredentialUnusable.

    A connection to a stand-in never goes to the vendor: the stand-in gives out tokens at the same path.
    """
    address = address_in(text, resolved.config)
    if resolved.target is None:
        return parse_url(address)
    if not address.startswith("/"):
        absolute = parse_url(address)
        if not is_stand_in(resolved.target):
            return absolute
        address = absolute.path.decode("ascii")
    return resolved.target.at(resolved.base_path + address)
