"""Speaking to OpenBao or HashiCorp Vault: through the egress guard, signed in by token or AppRole.

The token lives in the memory of the process alone. It is renewed when half of its life is over; a backend that did
not answer is left alone for some seconds, so that whoever waits for it does not hold up others.
"""

import asyncio
import os
from dataclasses import dataclass
from threading import RLock
from time import monotonic
from typing import Any
from uuid import UUID

from ipaas.core import jsonio
from ipaas.core.net import EgressPolicy, HttpClient, NetError, RawAnswer, check_url, tls_context
from ipaas.core.phrases import said, sentences
from ipaas.vault.errors import BackendDenied, BackendUnavailable
from ipaas.vault.models import Backend, SecretVersion
from ipaas.vault.reads import SecretRead, note_read
from ipaas.vault.stores.builtin import BuiltinStore

JSON = Any
DEADLINE_S = 3.0
LARGEST_ANSWER = 1024 * 1024
LEFT_ALONE_S = 15.0
RENEW_AT = 0.5
_FOR_EVER = float("inf")
_REASONS = {
    400: said("it does not accept the request (status 400)"),
    405: said("it does not know this path: is the engine of the right kind mounted there? (status 405)"),
    429: said("it is asked too much (status 429)"),
    473: said("it is a standby that does not answer (status 473)"),
    503: said("it is sealed or under maintenance (status 503)"),
}


@dataclass(frozen=True, slots=True)
class _Token:
    """``stamp``: the settings and the version of the login that it was got with."""

    value: str
    stamp: object
    renew_at: float = _FOR_EVER
    ends_at: float = _FOR_EVER

    def __repr__(self) -> str:
        return "_Token(…)"


_tokens: dict[UUID, _Token] = {}
_down: dict[UUID, tuple[float, object, str]] = {}
_locks: dict[UUID, RLock] = {}


class BaoClient:
    """One workspace's way to its backend; ``name`` is how errors call it."""

    def __init__(self, backend: Backend) -> None:
        self.backend, self.config = backend, backend.config
        self.name = f"{backend.kind} ({backend.config['address']})"
        self.egress = EgressPolicy.parse(backend.workspace.settings.get("egress_allow", ()))

    def ask(self, method: str, path: str, body: JSON = None) -> dict[str, JSON] | None:
        """The ``data`` of an answer; None for 404. A login that ended is made anew once.

        Raises ``BackendUnavailable``, ``BackendDenied`` where a login that is good may not do it.
        """
        status, answer = self._send(method, path, self._token(), body)
        if status == 403 and self.config["auth"] == "approle":
            self._forget()
            status, answer = self._send(method, path, self._token(), body)
        if status == 404:
            return None
        if status == 403:
            self._sign_in_is_good()
            reason = said("it refuses {method} {path} (status 403)", method=method, path=path.partition("?")[0])
            raise BackendDenied(backend=self.name, reason=reason)
        if status not in (200, 204):
            raise self.unavailable(_REASONS.get(status, said("it answered with status {status}", status=status)))
        data = answer.get("data")
        return data if isinstance(data, dict) else {}

    def _sign_in_is_good(self) -> None:
        """Tell a login that has ended, which somebody has to enter anew, from one that may not do something."""
        status, _answer = self._send("GET", "auth/token/lookup-self", self._token())
        if status != 200:
            self._forget()
            raise self.unavailable(said("its login has ended (status {status}): enter it anew", status=status))

    def check(self) -> str:
        """Sign in and look at the token, whatever was remembered before."""
        self._forget()
        found = self.ask("GET", "auth/token/lookup-self") or {}
        life = found.get("ttl")
        if not life:
            return said("Signed in; the token is good for ever.")
        if found.get("renewable"):
            return said("Signed in; the token is good for {life} s, renewable.", life=life)
        return said("Signed in; the token is good for {life} s, not renewable.", life=life)

    def keep_alive(self) -> None:
        """Renew the token when it is time, so that one that nobody uses for long does not end; and try it."""
        self.ask("GET", "auth/token/lookup-self")

    def unavailable(self, reason: str) -> BackendUnavailable:
        return BackendUnavailable(backend=self.name, reason=reason)

    def _token(self) -> str:
        with _locks.setdefault(self.backend.id, RLock()):
            held, moment = _tokens.get(self.backend.id), monotonic()
            if held is None or held.stamp != self._stamp() or held.ends_at <= moment:
                held = self._signed_in()
            elif held.renew_at <= moment:
                held = self._renewed(held)
            _tokens[self.backend.id] = held
            return held.value

    def _signed_in(self) -> _Token:
        fields = self._login_fields()
        if self.config["auth"] == "token":
            return self._looked_up(fields["token"])
        place = f"auth/{self.config['auth_mount']}/login"
        given = {"role_id": fields["role_id"], "secret_id": fields["secret_id"]}
        status, answer = self._send("POST", place, "", given)
        if status != 200:
            raise self.unavailable(said("it does not accept the AppRole login (status {status})", status=status))
        return self._token_of(answer)

    def _looked_up(self, value: str) -> _Token:
        status, answer = self._send("GET", "auth/token/lookup-self", value)
        data = answer.get("data")
        if status != 200 or not isinstance(data, dict):
            raise self.unavailable(said("it does not accept the token (status {status})", status=status))
        return self._lasting(value, data.get("ttl"), renewable=bool(data.get("renewable")))

    def _renewed(self, held: _Token) -> _Token:
        status, answer = self._send("POST", "auth/token/renew-self", held.value, {})
        if status == 200:
            return self._token_of(answer)
        return self._signed_in()

    def _token_of(self, answer: dict[str, JSON]) -> _Token:
        found = answer.get("auth")
        value = found.get("client_token") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(value, str):
            raise self.unavailable(said("it answered a login without a token"))
        return self._lasting(value, found.get("lease_duration"), renewable=bool(found.get("renewable")))

    def _lasting(self, value: str, life: JSON, *, renewable: bool) -> _Token:
        if not isinstance(life, int) or life <= 0:
            return _Token(value, self._stamp())
        moment = monotonic()
        renew_at = moment + life * RENEW_AT if renewable else _FOR_EVER
        return _Token(value, self._stamp(), renew_at, moment + life)

    def _login_fields(self) -> dict[str, str]:
        login = self.backend.login
        version = login.versions.filter(state=SecretVersion.State.LIVE).first() if login is not None else None
        if login is None or version is None:
            raise self.unavailable(said("its login has no live version"))
        version.secret = login
        fields = BuiltinStore().open(version).fields
        note_read(SecretRead(login.workspace_id, login.id, login.slug, version.number), purpose="login", flow_label="")
        return fields

    def _stamp(self) -> object:
        login = self.backend.login
        return self.backend.updated_at, login.current_version if login is not None else 0

    def _forget(self) -> None:
        _tokens.pop(self.backend.id, None)
        _down.pop(self.backend.id, None)

    def _send(self, method: str, path: str, token: str, body: JSON = None) -> tuple[int, dict[str, JSON]]:
        """Status and JSON of one request; raises ``BackendUnavailable`` when there is no answer, at once when there
        was none a moment ago."""
        known = _down.get(self.backend.id)
        if known is not None and known[0] > monotonic() and known[1] == self._stamp():
            raise self.unavailable(known[2])
        try:
            answer = asyncio.run(self._call(method, path, token, body))
        except NetError as error:
            reason = sentences(error.detail, error.advice)
            self._note_down(reason)
            raise self.unavailable(reason) from None
        if answer.status >= 500:
            self._note_down(_REASONS.get(answer.status, said("it answered with status {status}", status=answer.status)))
        else:
            _down.pop(self.backend.id, None)
        try:
            found = jsonio.loads(answer.body) if answer.body else {}
        except jsonio.JsonInvalid:
            found = {}
        return answer.status, found if isinstance(found, dict) else {}

    def _note_down(self, reason: str) -> None:
        _down[self.backend.id] = (monotonic() + LEFT_ALONE_S, self._stamp(), reason)

    async def _call(self, method: str, path: str, token: str, body: JSON) -> RawAnswer:
        target = check_url(f"{self.config['address']}/v1/{path}", self.egress)
        headers = {"x-vault-request": "true", "accept": "application/json"}
        if token:
            headers["x-vault-token"] = token
        if self.config["namespace"]:
            headers["x-vault-namespace"] = self.config["namespace"]
        if body is not None:
            headers["content-type"] = "application/json"
        tls = tls_context(ca_pem=self.config["ca_pem"]) if self.config["ca_pem"] else None
        async with HttpClient() as client:
            return await client.call(
                method, target, [(name.encode(), value.encode()) for name, value in headers.items()],
                jsonio.dumps(body) if body is not None else b"", egress=self.egress, deadline_s=DEADLINE_S,
                max_body=LARGEST_ANSWER, tls=tls,
            )  # fmt: skip


def forget_tokens() -> None:
    """Sign in anew at the next use; for tests and forked children."""
    _tokens.clear()
    _down.clear()
    _locks.clear()


os.register_at_fork(after_in_child=forget_tokens)
