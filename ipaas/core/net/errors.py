"""What can go wrong on the way out; ``sent`` decides whether the outcome at the other side is known."""

from typing import Any, ClassVar

from ipaas.core.errors import ErrorClass, IpaasError


class NetError(IpaasError):
    """The call to {host}:{port} failed: {reason}

    ``sent`` is True once any byte of the request may have left and been acted upon; False is a promise that the
    other side cannot have seen the request. No message holds a path, a query or a header.
    """

    status = 502
    code = "net.failed"
    title = "The call failed"
    remedy = "See whether the other side is up, then try again."
    error_class: ClassVar[ErrorClass] = ErrorClass.TRANSIENT

    def __init__(self, *, sent: bool = False, host: str = "", port: int = 0, reason: str = "", **params: Any) -> None:
        self.sent = sent
        super().__init__(host=host, port=port, reason=reason, **params)


class EgressRefused(NetError):
    """The target {host}:{port} is refused: {reason}"""

    status = 422
    code = "net.egress_refused"
    title = "Target refused"
    remedy = "If the target is meant, an administrator can allow exactly this host and port in the egress settings."
    error_class = ErrorClass.CONFIGURATION


class UrlRefused(EgressRefused):
    """The address is refused: {reason}"""

    code = "net.url_refused"
    title = "Address refused"
    remedy = "Write it as http(s)://host[:port]/path with everything unusual percent-encoded and no user or password."


class RequestRefused(NetError):
    """The request is refused: {reason}"""

    status = 422
    code = "net.request_refused"
    title = "Request refused"
    remedy = "Correct the method or header named."
    error_class = ErrorClass.CONFIGURATION


class ResolveFailed(NetError):
    """The name {host} could not be resolved: {reason}"""

    code = "net.resolve_failed"
    title = "Name not resolved"
    remedy = "Check the name, then the DNS of this machine."


class ConnectFailed(NetError):
    """No connection to {host}:{port}: {reason}"""

    code = "net.connect_failed"
    title = "No connection"
    remedy = "See whether the other side is up and reachable from here."


class TlsFailed(NetError):
    """TLS with {host}:{port} failed: {reason}"""

    code = "net.tls_failed"
    title = "TLS failed"
    remedy = "Check the certificate, its name and its authority; a private authority is entered with the connection."
    error_class = ErrorClass.CONFIGURATION


class DeadlineExceeded(NetError):
    """The call to {host}:{port} was not done in time (phase: {phase})"""

    status = 504
    code = "net.deadline_exceeded"
    title = "Deadline exceeded"
    remedy = "Raise the timeout of the step or look why the other side is slow."
    error_class = ErrorClass.TIMEOUT

    def __init__(self, *, phase: str, sent: bool = False, **params: Any) -> None:
        """``phase``: queue, resolve, connect, tls, write or read."""
        self.phase = phase
        super().__init__(sent=sent, phase=phase, **params)


class ReadTimeout(DeadlineExceeded):
    """{host}:{port} took the request and did not answer completely in time"""

    code = "net.read_timeout"
    title = "No answer in time"


class ConnectionLost(NetError):
    """The connection to {host}:{port} broke: {reason}"""

    code = "net.connection_lost"
    title = "Connection lost"


class ProtocolError(NetError):
    """{host}:{port} does not speak proper HTTP: {reason}"""

    code = "net.protocol_error"
    title = "Broken answer"
    remedy = "Ask the operator of the other side; a proxy between may also be at fault."


class BodyTooLarge(NetError):
    """The answer of {host}:{port} is larger than {limit} bytes"""

    code = "net.body_too_large"
    title = "Answer too large"
    remedy = "Ask for less at once (a page, fewer fields) or raise the limit of the step."
    error_class = ErrorClass.CONTRACT_VIOLATION
