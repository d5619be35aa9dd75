"""One attempt's way out, bound to its connection: the credential is added here and nowhere else."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from ipaas.catalog import observed
from ipaas.catalog.credentials import NOTHING, OpenedSecret, holds, opened_from, scrubbed, tls_of
from ipaas.catalog.errors import CredentialDetached, NoFilesAllowed, TargetNotBound
from ipaas.catalog.failures import action_error
from ipaas.catalog.resolution import Resolved
from ipaas.catalog.turns import Turn
from ipaas.config import settings
from ipaas.core import clock, jsonio
from ipaas.core.context import Trace
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.core.net import (
    USUAL_PORTS,
    HttpClient,
    NetError,
    Socket,
    Target,
    open_socket,
    open_stream,
    pin,
    start_tls,
)
from ipaas.policies.pipeline import Call, Effect
from ipaas.sdk import auth
from ipaas.sdk.auth import Credential
from ipaas.sdk.cookies import with_credential
from ipaas.sdk.digest import DIGEST, authorization, read_challenge
from ipaas.sdk.errors import ActionError
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.targets import is_target
from ipaas.sdk.transports import HttpAnswer, Stream

JSON = Any
Renew = Callable[[OpenedSecret], Awaitable[OpenedSecret]]
_UNAUTHORIZED = 401
_MOST_WAIT_S = 60.0
"""That the pages of one attempt wait for the limits altogether."""
_ASSERTION = "assertion"
_USER_AGENT = (b"user-agent", b"ipaas")


class BoundTransports:
    """What a connector gets; ``http`` is the object itself.

    ``exchanges`` counts complete answers; ``leaked`` says that an answer repeated a credential. ``renew`` fetches
    another OAuth token after the present one was refused.
    """

    def __init__(
        self,
        call: Call,
        resolved: Resolved,
        secret: OpenedSecret,
        client: HttpClient,
        trace: Trace,
        now: Callable[[], float],
        renew: Renew | None = None,
        turn: Turn | None = None,
    ) -> None:
        self._call = call
        self._resolved = resolved
        self._client = client
        self._trace = trace
        self._now = now
        self._renew = renew
        self._turn = turn
        self.secret_in_use = secret
        self.exchanges = 0
        self.leaked = False

    @property
    def http(self) -> "BoundTransports":
        return self

    @property
    def base_url(self) -> str:
        target = self._resolved.target
        return f"{target.origin}{self._resolved.base_path}" if target is not None else ""

    async def another_request(self) -> None:
        call, left = self._call, _MOST_WAIT_S
        if call.admit_again is None:
            return
        while (wait := await call.admit_again()) > 0:
            left -= wait
            due = clock.now() + timedelta(seconds=wait)
            if left < 0 or (call.deadline_at is not None and due >= call.deadline_at):
                message = "The limits of the connection do not let the further pages through in time."
                raise ActionError(ErrorClass.THROTTLED, "pages_throttled", message, retry_after_s=wait)
            go_on = call.hold_deadline()
            try:
                await asyncio.sleep(wait)
            finally:
                go_on()

    @property
    def config(self) -> Mapping[str, JSON]:
        return self._resolved.config

    @property
    def effect_key(self) -> str | None:
        call = self._call
        return None if call.effect is Effect.SAFE or call.effect_key is None else call.effect_key.decode()

    async def send(
        self, method: str, path: str, query: tuple[tuple[str, str], ...], headers: Mapping[str, str], body: bytes
    ) -> HttpAnswer:
        request = BuiltRequest(method, self._resolved.base_path + path, query, headers, body)
        try:
            answer = await self._exchange(request)
            if answer.status == _UNAUTHORIZED and self._challenged(answer):
                answer = await self._exchange(request)
            elif answer.status == _UNAUTHORIZED and self._renew is not None:
                renew, self._renew = self._renew, None
                self.secret_in_use = await renew(self.secret_in_use)
                answer = await self._exchange(request)
        except IpaasError as error:
            raise action_error(error) from error
        if answer.status != _UNAUTHORIZED:
            self.exchanges += 1
        return answer

    async def _exchange(self, request: BuiltRequest) -> HttpAnswer:
        target, call = self._resolved.target, self._call
        if target is None:
            raise TargetNotBound(host="", port=0)
        credential = self._credential(request, target)
        query = request.query
        if credential.query:  # a page's address that the vendor gave may repeat the credential
            names = {name for name, _ in credential.query}
            query = (*(pair for pair in query if pair[0] not in names), *credential.query)
        line = f"{request.path}?{urlencode(query, quote_via=quote)}" if query else request.path
        body = request.body if credential.body is None else credential.body
        headers = {**with_credential(request.headers, credential.headers), **self._digest(request, line, body)}
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        lines += (_USER_AGENT, (b"traceparent", self._trace.traceparent.encode()))
        await self._permit(request_digest(request))
        before, call.sent = call.sent, True
        if self._turn is not None:
            self._turn.in_doubt = True
        try:
            raw = await self._client.call(
                request.method,
                target.at(line),
                lines,
                body,
                egress=self._resolved.egress,
                deadline_s=call.deadline - self._now(),
                tls=tls_of(self.secret_in_use),
            )
        except NetError as error:
            call.sent = before or error.sent
            if self._turn is not None:
                self._turn.in_doubt = error.sent
            raise
        told = _joined(raw.headers)
        if self._turn is not None:
            self.secret_in_use = self._turn.answered(told, raw.body, refused=raw.status == _UNAUTHORIZED)
        self.leaked = self.leaked or holds(self.secret_in_use, raw.body, raw.headers)
        heard = scrubbed(told, self.secret_in_use) if self.leaked else told
        call.announced_pause_s = await observed.note(self._resolved, call.operation, heard)
        return HttpAnswer(raw.status, told, raw.body)

    def _credential(self, request: BuiltRequest, target: Target) -> Credential:
        scheme, secret = self._resolved.scheme, self.secret_in_use
        if scheme is None:
            return Credential({})
        manifest = self._resolved.connector.manifest
        key = (manifest.slug, manifest.version, scheme.name)
        if key in secret.static:
            return secret.static[key]
        host = target.host_header.decode("ascii")
        credential = auth.apply(scheme, secret.fields, request, clock.now(), host=host)
        if secret is not NOTHING and not auth.differs_by_request(scheme):
            secret.static[key] = credential
        for part in filter(auth.is_assertion, scheme.parts):  # good for minutes, so that it is a credential itself
            made = credential.headers[part.send_header].removeprefix(part.send_prefix)
            self.secret_in_use = opened_from({**secret.fields, _ASSERTION: made})
        return credential

    def _challenged(self, answer: HttpAnswer) -> bool:
        """Whether a refusal asks for a digest; the challenge is kept for the calls to come."""
        part = self._digest_part
        told = read_challenge(answer.headers.get("www-authenticate", "")) if part is not None else None
        if part is None or told is None:
            return False
        self.secret_in_use.challenges[self._resolved.origin, part.name] = told
        return True

    def _digest(self, request: BuiltRequest, line: str, body: bytes) -> dict[str, str]:
        """The answer to the server's challenge, once it has made one."""
        part, secret = self._digest_part, self.secret_in_use
        challenge = secret.challenges.get((self._resolved.origin, part.name)) if part is not None else None
        if part is None or challenge is None:
            return {}
        return {"authorization": authorization(part, secret.fields, challenge, request.method, line, body)}

    @property
    def _digest_part(self) -> AuthScheme | None:
        scheme = self._resolved.scheme
        return next((one for one in scheme.parts if one.type == DIGEST), None) if scheme is not None else None

    async def _permit(self, digest: bytes) -> None:
        """The last act before the transport: the intent of an effect is committed here."""
        call = self._call
        if not call.request_hash:
            call.request_hash = digest
        if call.before_send is not None and not call.intended:
            await call.before_send(digest)

    def secret(self, field: str) -> str | None:
        if self._resolved.secret and not self._resolved.secret_bound:
            raise action_error(CredentialDetached(connection=self._resolved.slug))
        return self.secret_in_use.fields.get(field)

    async def stream(self, host: str, port: int, *, tls: bool, told: bool = False) -> Stream:
        await self._reaching(host, port)
        left, egress = self._call.deadline - self._now(), self._resolved.egress
        context = (tls_of(self.secret_in_use) or True) if tls else False
        stream = await open_stream(host, port, context, egress, left, usual_ports=self._usual_ports)
        self._call.sent = self._call.sent or not told
        return stream

    async def dial(self, host: str, port: int, *, told: bool = False) -> Socket:
        await self._reaching(host, port)
        left, egress = self._call.deadline - self._now(), self._resolved.egress
        sock = await open_socket(host, port, egress, left, usual_ports=self._usual_ports)
        self._call.sent = self._call.sent or not told
        return sock

    async def start_tls(self, stream: Stream, host: str) -> None:
        left = self._call.deadline - self._now()
        await start_tls(stream[0], stream[1], host, deadline_s=left, tls=tls_of(self.secret_in_use))

    async def pin(self, host: str, port: int, *, told: bool = False) -> str:
        await self._reaching(host, port)
        address = await pin(host, port, self._resolved.egress, usual_ports=self._usual_ports)
        self._call.sent = self._call.sent or not told
        return address

    async def folder(self, *, told: bool = False) -> Path:
        root = settings().files_root
        if root is None:
            raise action_error(NoFilesAllowed())
        await self._permit(hashlib.sha256(b"folder").digest())
        self._call.sent = self._call.sent or not told
        return root / self._resolved.workspace_slug

    def committing(self) -> None:
        self._call.sent = True

    @property
    def _usual_ports(self) -> frozenset[int]:
        return USUAL_PORTS.get(self._resolved.connector.manifest.protocol, frozenset())

    async def _reaching(self, host: str, port: int) -> None:
        """A stream goes to the connection's own addresses, for which its secret was entered."""
        if not is_target(self._resolved.config, host, port):
            raise action_error(TargetNotBound(host=host, port=port))
        await self._permit(hashlib.sha256(f"{host}:{port}".encode()).digest())


def request_digest(request: BuiltRequest) -> bytes:
    """SHA-256 over what makes a request what it is: method, path, query and body; no headers, no credential."""
    parts = (request.method.encode(), request.path.encode(), urlencode(request.query).encode(), request.body)
    return hashlib.sha256(b"\n".join(parts)).digest()


def params_digest(action: str, params: JSON) -> bytes:
    """The stand-in for a request's digest where there is no single request."""
    return hashlib.sha256(action.encode() + b"\n" + jsonio.canonical(params)).digest()


def _joined(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    lines: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        lines[key] = f"{lines[key]}, {text}" if key in lines else text
    return lines
