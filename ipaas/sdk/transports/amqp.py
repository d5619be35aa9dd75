"""AMQP 0.9.1 (RabbitMQ) for connectors: py-amqp over a checked socket, in threads."""

from collections.abc import Callable
from typing import Any, TypeVar

from amqp import Channel, Connection
from amqp.exceptions import AccessRefused, AMQPError, MessageNacked, NotFound
from amqp.transport import SSLTransport, TCPTransport

from ipaas.core.errors import ErrorClass
from ipaas.core.net import Socket, TlsContext
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports import Transports
from ipaas.sdk.transports.secured import tls_settings
from ipaas.sdk.transports.threads import Gate, in_thread

T = TypeVar("T")
_TIMEOUT_S = 20
_NO_ROUTE = 312


class _Plain(TCPTransport):  # type: ignore[misc]
    def __init__(self, given: Socket, host: str) -> None:
        super().__init__(host, connect_timeout=_TIMEOUT_S)
        self.given = given

    def _connect(self, host: str, port: int, timeout: float | None) -> None:
        self.sock = self.given


class _Secured(SSLTransport):  # type: ignore[misc]
    def __init__(self, given: Socket, host: str, context: TlsContext) -> None:
        super().__init__(host, connect_timeout=_TIMEOUT_S)
        self.given, self.context, self.name = given, context, host

    def _connect(self, host: str, port: int, timeout: float | None) -> None:
        self.sock = self.given

    def _wrap_socket(self, sock: Socket, **_: Any) -> Any:
        return self.context.wrap_socket(sock, server_hostname=self.name, do_handshake_on_connect=False)


class _Connection(Connection):  # type: ignore[misc]
    made: Any = None

    def Transport(self, *_: Any, **__: Any) -> Any:  # noqa: N802 - the library's name
        return self.made


class Session:
    """A connection with one channel, worked on by one thread at a time. Raises ActionError."""

    def __init__(self, gate: Gate, connection: Connection, channel: Channel) -> None:
        self._gate = gate
        self._connection = connection
        self._channel = channel
        self.committed = False

    async def do(self, work: Callable[[Channel], T]) -> T:
        try:
            return await in_thread(self._gate, lambda: work(self._channel))
        except (AMQPError, OSError, EOFError) as error:
            raise failure(error, sent=self.committed) from error

    def commit(self) -> None:
        self._gate.commit()
        self.committed = True

    async def close(self) -> None:
        """End it; what was not acknowledged goes back to its queue."""
        await in_thread(self._gate, lambda: _ended(self._connection))


async def opened(io: Transports, *, confirmed: bool = False) -> Session:
    """A session, to be closed by whoever takes it. Raises ActionError."""
    config = io.config
    host, port = str(config["host"]), int(config["port"])
    username, password = io.secret("username") or "", io.secret("password") or ""
    secured = tls_settings(io, str(config.get("tls") or "verify-full"))
    sock = await io.dial(host, port, told=True)
    gate = Gate(io, sock)

    def connect() -> Session:
        connection = _Connection(
            host=host,
            userid=username,
            password=password,
            virtual_host=str(config.get("vhost") or "/"),
            connect_timeout=_TIMEOUT_S,
            confirm_publish=confirmed,
            client_properties={"product": "ipaas"},
        )
        connection.made = _Plain(sock, host) if secured is None else _Secured(sock, host, secured)
        try:
            connection.connect()
            connection.transport.sock.settimeout(_TIMEOUT_S)
            return Session(gate, connection, connection.channel())
        except BaseException:
            _ended(connection, politely=False)
            raise

    try:
        return await in_thread(gate, connect)
    except (AMQPError, OSError, EOFError) as error:
        sock.close()
        raise failure(error, sent=False) from error


def failure(error: Exception, *, sent: bool) -> ActionError:
    """Only the number of a refusal is told, none of the server's words."""
    code = getattr(error, "reply_code", None) or getattr(error, "code", None)
    if isinstance(error, AccessRefused):
        return ActionError(ErrorClass.AUTH, "amqp_403", "The server refused the user, or what the user may do.")
    if isinstance(error, NotFound):
        return ActionError(ErrorClass.CONFIGURATION, "amqp_404", "The server has no such queue or exchange.")
    if code == _NO_ROUTE:
        return ActionError(ErrorClass.CONFIGURATION, "amqp_312", "No queue takes messages of this routing key.")
    if isinstance(error, MessageNacked):
        return ActionError(ErrorClass.THROTTLED, "amqp_nack", "The server did not take the message; a queue is full.")
    if isinstance(error, TimeoutError):
        return ActionError(ErrorClass.TIMEOUT, "amqp_timeout", "The server did not answer in time.", sent=sent)
    if isinstance(error, AMQPError) and code:
        return ActionError(ErrorClass.BUSINESS_REJECTION, f"amqp_{code}", f"The server refused (code {code}).")
    return ActionError(ErrorClass.TRANSIENT, "amqp_broken", "The connection broke off.", sent=sent)


def _ended(connection: Connection, *, politely: bool = True) -> None:
    try:
        if politely:
            connection.close()
    except (AMQPError, OSError, EOFError):
        pass  # it has ended already
    finally:
        connection.collect()
