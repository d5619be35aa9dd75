"""What a connector gets on the bench of the test kit: a stand-in on this machine, without limits or a book."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ipaas.core import clock
from ipaas.core.errors import ErrorClass
from ipaas.core.net import EgressPolicy, HttpClient, Socket, open_socket, open_stream, start_tls
from ipaas.sdk import auth
from ipaas.sdk.cookies import with_credential
from ipaas.sdk.digest import DIGEST, authorization, read_challenge
from ipaas.sdk.errors import ActionError
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.tokens import granting, next_token
from ipaas.sdk.transports import HttpAnswer, Stream

DEADLINE_S = 10.0


@dataclass(slots=True)
class KitTransports:
    """Transports to a local server, with the credential of one scheme; keeps what went over the wire."""

    client: HttpClient
    base_url: str
    scheme: AuthScheme
    config: Mapping[str, Any]
    effect_key: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    wire: list[str] = field(default_factory=list)
    files: Path | None = None

    @property
    def http(self) -> "KitTransports":
        return self

    @property
    def egress(self) -> EgressPolicy:
        hosts = [self.base_url.partition("://")[2].partition("/")[0]]
        if "port" in self.config:
            hosts.append(f"127.0.0.1:{self.config['port']}")
        return EgressPolicy.parse(hosts)

    async def send(
        self, method: str, path: str, query: tuple[tuple[str, str], ...], headers: Mapping[str, str], body: bytes
    ) -> HttpAnswer:
        base_path = "/" + self.base_url.partition("://")[2].partition("/")[2]
        full = BuiltRequest(method, base_path + path, query, headers, body)
        answer = await self._exchange(full, path, {})
        challenge = read_challenge(answer.headers.get("www-authenticate", "")) if answer.status == 401 else None
        for part in self.scheme.parts if challenge is not None else ():
            if part.type == DIGEST:
                line = full.path + ("?" + urlencode(query) if query else "")
                told = authorization(part, self.secrets, challenge, method, line, body)  # type: ignore[arg-type]
                answer = await self._exchange(full, path, {"authorization": told})
        return answer

    async def _exchange(self, full: BuiltRequest, path: str, more: Mapping[str, str]) -> HttpAnswer:
        host = self.base_url.partition("://")[2].partition("/")[0]
        credential = auth.apply(self.scheme, self.secrets, full, clock.now(), host=host)
        together = (*full.query, *credential.query)
        url = self.base_url + path + ("?" + urlencode(together) if together else "")
        sent = {**with_credential(full.headers, credential.headers), **more}
        body = full.body if credential.body is None else credential.body
        self.wire.append(f"{url} {sent} {'' if credential.body is None else body.decode('utf-8', 'replace')}")
        lines = [(name.encode("ascii"), value.encode("ascii")) for name, value in sent.items()]
        answer = await self.client.call(full.method, url, lines, body, egress=self.egress, deadline_s=DEADLINE_S)
        found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        grant = granting(self.scheme)
        if grant is not None and (following := next_token(grant, found, answer.body)):
            self.secrets = {**self.secrets, "access_token": following}
        return HttpAnswer(answer.status, found, answer.body)

    def secret(self, field: str) -> str | None:
        return self.secrets.get(field)

    async def stream(self, host: str, port: int, *, tls: bool, told: bool = False) -> Stream:
        return await open_stream(host, port, tls, self.egress, DEADLINE_S)

    async def start_tls(self, stream: Stream, host: str) -> None:
        await start_tls(stream[0], stream[1], host, deadline_s=DEADLINE_S)

    async def pin(self, host: str, port: int, *, told: bool = False) -> str:
        return host

    async def dial(self, host: str, port: int, *, told: bool = False) -> Socket:
        return await open_socket(host, port, self.egress, DEADLINE_S, usual_ports=frozenset())

    async def folder(self, *, told: bool = False) -> Path:
        if self.files is None:
            raise ActionError(ErrorClass.CONFIGURATION, "no_files_allowed", "The bench has no folder.")
        return self.files

    async def another_request(self) -> None:
        """The bench has no limits."""

    def committing(self) -> None:
        """The bench keeps no book of effects."""
