"""The innermost stage: the connector's action with its transports, and its answer in the pipeline's words."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError

from ipaas.catalog import credentials, oauth
from ipaas.catalog.credentials import NOTHING, OpenedSecret
from ipaas.catalog.errors import CredentialDetached, CredentialUnreadable, TokenBusy
from ipaas.catalog.failures import failure_of
from ipaas.catalog.resolution import Resolved
from ipaas.catalog.transports import BoundTransports, Renew
from ipaas.catalog.turns import Turn, turn_of
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.core.logging import get_logger
from ipaas.core.net import HttpClient
from ipaas.policies.pipeline import Call, Effect, Failure, Response
from ipaas.sdk.connector import RequestView, ResponseView
from ipaas.sdk.cookies import COOKIES
from ipaas.sdk.errors import MAX_MESSAGE_CHARS, ActionError
from ipaas.vault.errors import BackendUnavailable

if TYPE_CHECKING:
    from ipaas.catalog.gateway import GatewayCall

JSON = Any
log = get_logger(__name__)
_TOKEN_WAIT_S = 0.3
_DATABASE_WAIT_S = 1.0
_VAULT_WAIT_S = 15.0
_HIDDEN_HEADERS = frozenset({"set-cookie", "www-authenticate"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an attempt works with."""

    resolved: Resolved
    call: "GatewayCall"
    client: HttpClient


class NoWork(IpaasError):
    """A call reached the end of the pipeline without anything to do."""

    status = 500
    code = "no_work"


Work = Callable[[Attempt, Call], Awaitable[Response]]


async def transport(call: Call) -> Response:
    """End of the pipeline: whatever a connector does, an answer comes back."""
    if call.work is None:
        raise NoWork
    try:
        return await call.work(call)
    except Exception as error:
        if call.interruption is not None:
            raise call.interruption from None
        if isinstance(error, TokenBusy):
            return Response("deferred", wait_s=_TOKEN_WAIT_S)
        if isinstance(error, BackendUnavailable) and error.passes and not call.intended:
            return Response("deferred", error=failure_of(error), wait_s=_VAULT_WAIT_S)
        if isinstance(error, InterfaceError | OperationalError) and not call.intended:
            return Response("deferred", wait_s=_DATABASE_WAIT_S)  # our own database is away, nothing has left
        if not isinstance(error, IpaasError):
            log.exception("a connector failed unexpectedly", action="call_defect", operation=call.operation)
        return Response("failed", error=failure_of(error, sent=call.sent))


async def do_action(attempt: Attempt, call: Call) -> Response:
    """Execute an action once."""
    async with _transports(attempt, call) as io:
        try:
            result = await attempt.resolved.connector.execute(attempt.call.action, attempt.call.params, io)
        except ActionError as error:
            if call.interruption is not None:
                raise call.interruption from None
            return _refused(attempt, call, io, error)
    request, response, data = _request(result.request), _response(result.response), result.data
    if io.leaked or attempt.resolved.target is None:
        secret = io.secret_in_use
        request, response = credentials.scrubbed(request, secret), credentials.scrubbed(response, secret)
        data = credentials.scrubbed(data, secret)
    return Response("ok", data=data, status=result.status, request=request, response=response)


async def do_look_up(attempt: Attempt, call: Call) -> Response:
    """Ask whether the effect of the call in doubt happened; data is ``{"found": bool, "data": …}``."""
    async with _transports(attempt, call) as io:
        try:
            result = await attempt.resolved.connector.look_up(attempt.call.action, attempt.call.params, io)
        except ActionError as error:
            return _not_read(call, io, error)
    data = credentials.scrubbed(result.data, io.secret_in_use) if io.leaked else result.data
    return Response("ok", data={"found": result.found, "data": data})


async def do_poll(attempt: Attempt, call: Call, *, cursor: JSON) -> Response:
    """Read one page of a poll trigger."""
    async with _transports(attempt, call) as io:
        try:
            page = await attempt.resolved.connector.poll(attempt.call.action, cursor, io, attempt.call.params)
        except ActionError as error:
            return _not_read(call, io, error)
    items: JSON = [{"key": item.key, "type": item.event_type, "data": item.data} for item in page.items]
    if io.leaked:
        items = credentials.scrubbed(items, io.secret_in_use)
        if credentials.scrubbed(page.cursor, io.secret_in_use) != page.cursor:
            message = "The place to go on from, as the vendor tells it, holds the credential; it can not be kept."
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, "cursor_holds_secret", message)
    return Response("ok", data={"items": items, "cursor": page.cursor, "more": page.more, "settle": page.settle})


@asynccontextmanager
async def _transports(attempt: Attempt, call: Call) -> AsyncIterator[BoundTransports]:
    """The way out with its credential, and with the turn of a token that changes with its use."""
    resolved, client, time = attempt.resolved, attempt.client, asyncio.get_running_loop().time
    plain = await _secret(attempt)

    def bound(secret: OpenedSecret, renew: Renew | None = None, turn: Turn | None = None) -> BoundTransports:
        return BoundTransports(call, resolved, secret, client, attempt.call.trace, time, renew, turn)

    async def renew_token(refused: OpenedSecret) -> OpenedSecret:
        value = refused.fields.get("access_token", "")
        return await oauth.with_token(resolved, plain, client, refused=value)

    if resolved.grant is None:
        yield bound(plain)
    elif resolved.grant.rotates is None:
        yield bound(await oauth.with_token(resolved, plain, client), renew_token)
    else:
        async with turn_of(resolved, resolved.grant, plain, client, call.deadline - time()) as turn:
            yield bound(turn.secret, turn.renew, turn)


async def _secret(attempt: Attempt) -> OpenedSecret:
    """The connection's secret, provided that it was entered for the address that is called."""
    resolved = attempt.resolved
    needs = resolved.scheme is not None and resolved.scheme.type != "none"
    if not resolved.secret:
        if needs:
            raise CredentialDetached(connection=resolved.slug)
        return NOTHING
    if not resolved.secret_bound:
        raise CredentialDetached(connection=resolved.slug)
    try:
        return await credentials.opened(
            resolved.workspace_id, resolved.secret, purpose=attempt.call.action, flow_label=attempt.call.flow_label
        )
    except BackendUnavailable:
        raise
    except IpaasError as error:
        raise CredentialUnreadable(connection=resolved.slug, reason=error.detail) from error


def _refused(attempt: Attempt, call: Call, io: BoundTransports, error: ActionError) -> Response:
    failure = failure_of(error, sent=False)
    if error.http_status is None and io.exchanges and call.effect is not Effect.SAFE:
        failure = failure_of(error, sent=True)  # an earlier request of this action did arrive
    response = _response(error.response) if error.response is not None else None
    request = _previewed(attempt, io) if call.request_hash else None
    if io.leaked or attempt.resolved.target is None:
        request = credentials.scrubbed(request, io.secret_in_use)
        response = credentials.scrubbed(response, io.secret_in_use)
    failure = _without_credential(failure, io)
    return Response("failed", error=failure, status=failure.status, request=request, response=response)


def _not_read(call: Call, io: BoundTransports, error: ActionError) -> Response:
    if call.interruption is not None:
        raise call.interruption from None
    failure = _without_credential(failure_of(error, sent=call.sent), io)
    return Response("failed", error=failure, status=failure.status)


def _without_credential(failure: Failure, io: BoundTransports) -> Failure:
    """Masked first, then cut: half a credential is matched by nothing."""
    code, message = failure.code, failure.message
    if io.leaked or io.base_url == "":
        code = str(credentials.scrubbed(code, io.secret_in_use))
        message = str(credentials.scrubbed(message, io.secret_in_use))
    return replace(failure, code=code[:MAX_MESSAGE_CHARS], message=message[:MAX_MESSAGE_CHARS])


def _previewed(attempt: Attempt, io: BoundTransports) -> JSON:
    """The request that was sent, built once more: an error carries only the answer."""
    try:
        view = attempt.resolved.connector.preview(
            attempt.call.action, attempt.call.params, attempt.resolved.config, io.effect_key
        )
    except ActionError:
        return None
    return _request(view)


def _request(view: RequestView) -> JSON:
    shown = {
        "method": view.method,
        "path": view.path,
        "query": _by_name(view.query),
        "headers": dict(view.headers),
        "body": view.body,
    }
    return {**shown, COOKIES: _by_name(view.cookies)} if view.cookies else shown


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Pairs as members, by whose names they are masked; a list where one is repeated."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def _response(view: ResponseView) -> JSON:
    return {"status": view.status, "headers": _shown_headers(view.headers), "body": view.body}


def _shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _HIDDEN_HEADERS}
