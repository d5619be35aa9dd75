"""The one door out: every socket that the product opens to others is opened here, to a checked address."""

from httpx import Request, Response

from .addresses import Reach, reach_of
from .client import HttpClient, client_for_loop, close_client_for_loop
from .errors import (
    BodyTooLarge,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    EgressRefused,
    NetError,
    ProtocolError,
    ReadTimeout,
    RequestRefused,
    ResolveFailed,
    TlsFailed,
    UrlRefused,
)
from .policy import PUBLIC_ONLY, USUAL_PORTS, EgressPolicy, check_target, check_url, parse_allowed
from .request import Headers
from .resolver import Resolver, pin, resolve
from .streams import Socket, StreamReader, hang_up, open_socket, open_stream, start_tls
from .tls import TlsContext, default_tls, tls_context, unverified_tls
from .transport import DEFAULT_MAX_BODY, HttpTransport, RawAnswer, Timings
from .urls import Target, normalise_host, parse_url

__all__ = [
    "DEFAULT_MAX_BODY",
    "PUBLIC_ONLY",
    "USUAL_PORTS",
    "BodyTooLarge",
    "ConnectFailed",
    "ConnectionLost",
    "DeadlineExceeded",
    "EgressPolicy",
    "EgressRefused",
    "Headers",
    "HttpClient",
    "HttpTransport",
    "NetError",
    "ProtocolError",
    "RawAnswer",
    "Reach",
    "ReadTimeout",
    "Request",
    "RequestRefused",
    "ResolveFailed",
    "Resolver",
    "Response",
    "Socket",
    "StreamReader",
    "Target",
    "Timings",
    "TlsContext",
    "TlsFailed",
    "UrlRefused",
    "check_target",
    "check_url",
    "client_for_loop",
    "close_client_for_loop",
    "default_tls",
    "hang_up",
    "normalise_host",
    "open_socket",
    "open_stream",
    "parse_allowed",
    "parse_url",
    "pin",
    "reach_of",
    "resolve",
    "start_tls",
    "tls_context",
    "unverified_tls",
]
