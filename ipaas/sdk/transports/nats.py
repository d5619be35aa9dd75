"""NATS JetStream for connectors (nats-py): one connection per call to a checked address."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from nats.aio.client import Client
from nats.errors import AuthorizationError, NoRespondersError, NoServersError
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError, ServiceUnavailableError

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports import Transports
from ipaas.sdk.transports.secured import tls_settings

_OPEN_S = 10
_CLOSE_S = 0.5
_NOBODY = frozenset({404, 503})


class _Plain(NatsError):
    """The server offers no TLS."""


class _Checked(Client):
    """A client that says no word in the clear where TLS was asked for."""

    wants_tls = False

    def _connect_command(self) -> bytes:
        if self.wants_tls and not self._server_info.get("tls_required"):
            raise _Plain
        return super()._connect_command()

    async def _select_next_server(self) -> None:
        """One attempt at the one server: the library's own would be at it for ever."""
        self._current_server = self._server_pool[0]
        await self._connect_to_server(self._current_server)


async def opened(io: Transports) -> Client:
    """A client, to be closed by whoever takes it. Raises ActionError."""
    config = io.config
    host, port = str(config["host"]), int(config["port"])
    address = await io.pin(host, port, told=True)
    client = _Checked()
    context = tls_settings(io, str(config.get("tls") or "verify-full"))
    client.wants_tls = context is not None
    login: dict[str, str | None] = {
        "user": io.secret("username"),
        "password": io.secret("password"),
        "token": io.secret("token"),
    }
    secured: Mapping[str, object] = {"tls": context, "tls_hostname": host} if context is not None else {}
    shown = f"[{address}]" if ":" in address else address
    try:
        await client.connect(
            servers=[f"nats://{shown}:{port}"],
            name="ipaas",
            allow_reconnect=False,
            max_reconnect_attempts=0,
            connect_timeout=_OPEN_S,
            error_cb=_ignored,
            **{name: value for name, value in login.items() if value},  # type: ignore[arg-type]
            **secured,  # type: ignore[arg-type]
        )
    except (NatsError, OSError, TimeoutError) as error:
        await _given_up(client)
        raise failure(error, sent=False) from error
    return client


@asynccontextmanager
async def session(io: Transports) -> AsyncIterator[Client]:
    """A client for the length of a call."""
    client = await opened(io)
    try:
        yield client
    finally:
        await client.close()


def failure(error: Exception, *, sent: bool) -> ActionError:
    """Only the number of a refusal is told, none of the server's words."""
    if isinstance(error, _Plain):
        message = "The server offers no TLS, which the connection asks for; it got no credential."
        return ActionError(ErrorClass.CONFIGURATION, "nats_no_tls", message)
    if isinstance(error, AuthorizationError) or "authorization" in str(error).lower():
        return ActionError(ErrorClass.AUTH, "nats_login", "The server refused the user, password or token.")
    if isinstance(error, NotFoundError | NoStreamResponseError | NoRespondersError):
        message = "No stream takes this subject, or the stream or consumer does not exist."
        return ActionError(ErrorClass.CONFIGURATION, "nats_no_stream", message)
    if isinstance(error, ServiceUnavailableError) or (isinstance(error, APIError) and error.code in _NOBODY):
        return ActionError(ErrorClass.CONFIGURATION, "nats_no_stream", "The stream or consumer does not exist.")
    if isinstance(error, APIError):
        return ActionError(ErrorClass.BUSINESS_REJECTION, f"nats_{error.err_code}", "The server refused the request.")
    if isinstance(error, NatsTimeout | TimeoutError):
        return ActionError(ErrorClass.TIMEOUT, "nats_timeout", "The server did not answer in time.", sent=sent)
    if isinstance(error, NoServersError):
        return ActionError(ErrorClass.TRANSIENT, "nats_unreachable", "The server cannot be reached.", sent=sent)
    return ActionError(ErrorClass.TRANSIENT, "nats_broken", "The connection broke off.", sent=sent)


async def _given_up(client: Client) -> None:
    """Close what never was open: after a failed handshake the library waits for an end that has been already."""
    with suppress(TimeoutError):
        await asyncio.wait_for(client.close(), _CLOSE_S)


async def _ignored(error: Exception) -> None:
    """What goes wrong is raised where it is waited for."""
