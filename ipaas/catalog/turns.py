"""Tokens that each answer replaces. Where the one before ends with that answer, calls take turns with the token.

A turn takes the token out of its row before anything is sent, over all processes and hosts. Whoever finds it taken and
nobody at it any more, after a crash, logs in anew: nobody can know then which token is in force.
"""

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError

from ipaas.catalog import oauth, tokens
from ipaas.catalog.credentials import OpenedSecret, opened_from
from ipaas.catalog.errors import TokenBusy
from ipaas.catalog.resolution import Resolved
from ipaas.catalog.threads import in_thread
from ipaas.core.logging import get_logger, protect_opened
from ipaas.core.net import HttpClient
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.tokens import Token, next_token

log = get_logger(__name__)
WAIT_S = 5.0
"""How long a call waits for its turn before it is put off."""
_LOOK_AGAIN_S = 0.05
_MARGIN = timedelta(seconds=10)
_Loop = asyncio.AbstractEventLoop
_queues: "weakref.WeakKeyDictionary[_Loop, dict[UUID, asyncio.Lock]]" = weakref.WeakKeyDictionary()
_endings: "weakref.WeakKeyDictionary[_Loop, set[asyncio.Task[None]]]" = weakref.WeakKeyDictionary()


class Turn:
    """One attempt's use of a token that changes. ``in_doubt``: a request left, and its answer has not come."""

    def __init__(self, resolved: Resolved, scheme: AuthScheme, plain: OpenedSecret, client: HttpClient) -> None:
        self.resolved, self.scheme, self.client = resolved, scheme, client
        self.in_doubt = False
        self._plain = plain
        self.secret = plain
        self._used: list[str] = []

    @property
    def token(self) -> str:
        return self._used[-1] if self._used else ""

    @property
    def changed(self) -> bool:
        return len(self._used) > 1

    @property
    def first(self) -> str:
        return self._used[0] if self._used else ""

    def use(self, token: str) -> OpenedSecret:
        """The secret with this token; those before are masked like it in all that is shown."""
        protect_opened(token)
        spent = {f"spent_token_{number}": value for number, value in enumerate(self._used)}
        self._used.append(token)
        self.secret = opened_from({**self._plain.fields, **spent, "access_token": token})
        return self.secret

    def answered(self, headers: Mapping[str, str], body: bytes, *, refused: bool) -> OpenedSecret:
        """The secret for the next request. An answer that refuses the token gives none that counts."""
        self.in_doubt = False
        following = "" if refused else next_token(self.scheme, headers, body)
        return self.use(following) if following and following != self.token else self.secret

    async def log_in(self) -> OpenedSecret:
        token = await oauth.fetch(self.resolved, self._plain, self.client)
        return self.use(token.value)

    async def renew(self, refused: OpenedSecret) -> OpenedSecret:
        """Another token after this one was not taken."""
        if self.scheme.rotates is not None and self.scheme.rotates.serial:
            return await self.log_in()
        value = refused.fields.get("access_token", "")
        found = await oauth.with_token(self.resolved, self._plain, self.client, refused=value)
        return self.use(found.fields["access_token"])

    def kept(self) -> Token | None:
        return Token(self.token, self.scheme.expires_s) if self._used and not self.in_doubt else None


@asynccontextmanager
async def turn_of(
    resolved: Resolved, scheme: AuthScheme, plain: OpenedSecret, client: HttpClient, left_s: float
) -> AsyncIterator[Turn]:
    """A token for one attempt, of which ``left_s`` seconds are left; what became of it is kept at the end.

    Raises TokenBusy where others are at it for too long, and what getting a token raises.
    """
    mine = Turn(resolved, scheme, plain, client)
    if scheme.rotates is not None and not scheme.rotates.serial:
        mine.use((await oauth.with_token(resolved, plain, client)).fields["access_token"])
        try:
            yield mine
        finally:
            if mine.changed:
                await _finished(_kept(mine, tokens.replace, mine.first))
                oauth.forget_token(resolved.id)
        return
    lock = _queues.setdefault(asyncio.get_running_loop(), {}).setdefault(resolved.id, asyncio.Lock())
    patience = min(WAIT_S, left_s / 2)
    try:
        await asyncio.wait_for(lock.acquire(), patience)
    except TimeoutError:
        raise TokenBusy(connection=resolved.id) from None
    try:
        taken = await _taken(resolved, timedelta(seconds=left_s) + _MARGIN, patience)
        try:
            if taken.stored is not None:
                mine.use(taken.stored.access_token)
            else:
                await mine.log_in()
            yield mine
        finally:
            await _finished(_kept(mine, tokens.give_back, taken))
    finally:
        lock.release()


async def finish() -> None:
    """Wait until this loop's tokens are written down."""
    await asyncio.gather(*_endings.get(asyncio.get_running_loop(), ()), return_exceptions=True)


async def _taken(resolved: Resolved, lease: timedelta, patience: float) -> tokens.Taken:
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    while True:
        try:
            return await in_thread(tokens.take, resolved.id, resolved.workspace_id, lease)
        except TokenBusy:
            if loop.time() > until:
                raise
            await asyncio.sleep(_LOOK_AGAIN_S)


async def _kept(mine: Turn, write: Callable[..., None], known: object) -> None:
    """A token in doubt is left behind as taken."""
    resolved = mine.resolved
    try:
        await in_thread(write, resolved.id, resolved.workspace_id, known, mine.kept())
    except (InterfaceError, OperationalError):
        log.exception("a token could not be written", action="token_lost", connection=resolved.slug)


async def _finished(work: Coroutine[Any, Any, None]) -> None:
    """To its end even where the call is cut off: a token that nobody wrote down is lost."""
    task = asyncio.ensure_future(work)
    endings = _endings.setdefault(asyncio.get_running_loop(), set())
    endings.add(task)
    task.add_done_callback(endings.discard)
    await asyncio.shield(task)
