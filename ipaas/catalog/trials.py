"""Trying one operation of a connection out: what was sent and what came back, without secrets."""

import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ipaas import audit
from ipaas.catalog import gateway
from ipaas.catalog.gateway import GatewayCall, GatewayOutcome
from ipaas.catalog.models import Connection
from ipaas.catalog.registry import connector_of
from ipaas.catalog.resolution import invalidate
from ipaas.core import jsonio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.ids import uuid7
from ipaas.core.phrases import said
from ipaas.core.redaction import Redactor, scrub_text
from ipaas.sdk.auth_body import NoPlace, placed
from ipaas.sdk.connector import Action
from ipaas.sdk.cookies import COOKIES, cookie_line
from ipaas.sdk.manifest import AuthScheme, Effect, Manifest
from ipaas.vault.known import secret_values
from ipaas.vault.payloads import sealer_for

JSON = Any
_TEMPLATE = re.compile(r"\{\{.*?\}\}")
_FIELD = re.compile(r"secret\.([A-Za-z0-9_]+)")


@dataclass(frozen=True, slots=True)
class Trial:
    """``request`` and ``response`` are masked, None where nothing was sent; ``curl`` has placeholders for secrets."""

    outcome: GatewayOutcome
    message: str
    request: JSON
    response: JSON
    curl: str


def try_operation(*, connection: Connection, action: str, params: JSON, actor: Actor, effects: bool = False) -> Trial:
    """Call one operation through the gateway, once. Not inside a transaction of its own, as the call takes its time.

    An operation that is not safe needs ``connections.edit`` too, and ``effects``: whoever asks says that they mean it.
    Nothing makes up for it and no run remembers it. Raises InvalidInput for parameters, before anything leaves.
    """
    require_permission(actor, "connections.test", connection)
    if not connection.enabled:
        raise Conflict(what=said("The connection {slug!r} is disabled.", slug=connection.slug))
    connector = connector_of(connection)
    compiled = connector.actions.get(action)
    if compiled is None:
        raise NotFound(what="operation")
    checked = compiled.checked_params(params)
    effect = compiled.effect_for(checked, connector.with_config_defaults(connection.config))
    if effect is not Effect.SAFE:
        require_permission(actor, "connections.edit", connection)
        if not effects:
            message = said("the operation changes something at the other side: say that you mean it")
            raise InvalidInput([{"path": "effects", "code": "trial.effects", "message": message}])
    audit.record(
        "connection.operation_tried",
        actor=actor,
        workspace_id=connection.workspace_id,
        subject=("connection", connection.id, connection.slug),
        details={"operation": action, "effect": effect.value, "version": connection.connector_version},
    )
    call = GatewayCall(
        workspace_id=connection.workspace_id,
        environment_id=connection.environment_id,
        connection=connection.slug,
        action=action,
        params=params,  # as given: the gateway fills in defaults itself
        flow_label="operation tried",
        effect_key=None if effect is Effect.SAFE else uuid7().hex.encode(),
        fresh=True,
        policy={"retry": {"max_attempts": 1}},
    )
    invalidate(connection)
    outcome = gateway.run_to_end(lambda: gateway.invoke(call))
    return _shown(connection, connector.manifest, compiled, outcome)


def _shown(connection: Connection, manifest: Manifest, compiled: Action, outcome: GatewayOutcome) -> Trial:
    secrets = secret_values(connection.workspace_id)
    redactor = Redactor(
        fields=dict.fromkeys((*manifest.sensitive, *compiled.spec.sensitive), "sensitive"),
        values=secrets,
        fingerprint_key=sealer_for(connection.workspace_id).fingerprint_key,
    )

    def masked(message: JSON) -> JSON:
        if not isinstance(message, Mapping):
            return None
        shown = redactor.redact({name: value for name, value in message.items() if name != "body"})
        return {**shown, "body": redactor.redact(message.get("body"))}

    request, response = masked(outcome.request), masked(outcome.response)
    curl = ""
    if request is not None and manifest.protocol == "http":
        curl = curl_of(request, connection.base_url, manifest.auth.get(connection.auth_scheme))
    message = scrub_text(outcome.error.message if outcome.error else "", secrets)
    return Trial(outcome, message, request, response, curl)


def curl_of(request: Mapping[str, JSON], base_url: str, scheme: AuthScheme | None) -> str:
    """A command for a shell that sends a request as it is shown; a credential is a variable of the shell."""
    options, query, cookies = _credential(scheme)
    path = str(request["path"])
    address = base_url.rstrip("/") + (path if path.startswith("/") else f"/{path}")
    pairs = urlencode(request.get("query") or {}, doseq=True)
    if pairs:
        address += f"?{pairs}"
    words = ["curl", "-X", str(request["method"]), shlex.quote(address) + _query(query, more=bool(pairs))]
    for name, value in (request.get("headers") or {}).items():
        words += ["-H", shlex.quote(f"{name}: {value}")]
    words += options + _cookies(request.get(COOKIES) or {}, cookies)
    body = request.get("body")
    if body is not None and body != "":
        words += ["--data-raw", _body(body, request.get("headers") or {}, scheme)]
    return " ".join(words)


def _body(body: JSON, headers: Mapping[str, JSON], scheme: AuthScheme | None) -> str:
    """A body, quoted for the shell but for its variables."""
    text = body if isinstance(body, str) else jsonio.dumps(body).decode()
    variables: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        field = _FIELD.search(match[0])
        mark = f"ipaas{len(variables)}{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        variables[mark] = f"""'"${(field[1] if field else "credential").upper()}"'"""
        return mark

    for part in scheme.parts if scheme is not None else ():
        marks = {path: _TEMPLATE.sub(stand_in, str(template)) for path, template in part.send_body.items()}
        if marks:
            try:
                text = placed(str(headers.get("content-type", "")), text.encode(), marks).decode()
            except NoPlace:
                continue  # the body is none that the call could have had
    if not variables:
        return shlex.quote(text)
    quoted = "'" + text.replace("'", """'"'"'""") + "'"
    for mark, variable in variables.items():
        quoted = quoted.replace(mark, variable)
    return quoted


def _cookies(given: Mapping[str, JSON], credential: list[tuple[str, str]]) -> list[str]:
    """All in one option, the last ones variables of the shell; a credential's takes the place of its namesake."""
    taken = {name for name, _ in credential}
    pairs = [
        (str(name), str(one))
        for name, value in given.items()
        for one in (value if isinstance(value, list) else [value])
        if name not in taken
    ]
    plain, told = cookie_line(pairs), "; ".join(f"{name}={value}" for name, value in credential)
    if not pairs and not credential:
        return []
    return ["-b", (shlex.quote(plain + ("; " if told else "")) if plain else "") + (f'"{told}"' if told else "")]


def _query(pairs: Iterable[tuple[str, str]], *, more: bool) -> str:
    """Parameters whose values are variables of the shell, behind a quoted address."""
    return "".join(
        f"""{shlex.quote(("&" if more or place else "?") + f"{name}=")}"{value}\""""
        for place, (name, value) in enumerate(pairs)
    )


def _credential(scheme: AuthScheme | None) -> tuple[list[str], list[tuple[str, str]], list[tuple[str, str]]]:
    """Options, parameters of the query and cookies."""
    options: list[str] = []
    query: list[tuple[str, str]] = []
    cookies: list[tuple[str, str]] = []
    for part in scheme.parts if scheme is not None else ():
        if part.type == "api_key" and part.location == "cookie" and not part.send_body:
            cookies.append((part.parameter or "api_key", f"{part.prefix}${part.fields[0].name.upper()}"))
            continue
        more, pairs = _of_part(part)
        options, query = options + more, query + pairs
    return options, query, cookies


def _of_part(scheme: AuthScheme) -> tuple[list[str], list[tuple[str, str]]]:
    if scheme.type == "none" or scheme.send_body:
        return [], []
    if scheme.type == "digest":
        return ["--digest", "-u", '"$USERNAME:$PASSWORD"'], []
    if scheme.type == "basic":
        return ["-u", '"$USERNAME:$PASSWORD"'], []
    if scheme.type == "api_key":
        variable = "$" + scheme.fields[0].name.upper()
        if scheme.location == "query":
            return [], [(scheme.parameter or "api_key", f"{scheme.prefix}{variable}")]
        return ["-H", f'"{scheme.parameter or "X-Api-Key"}: {scheme.prefix}{variable}"'], []
    if scheme.type == "hmac":
        return ["-H", '"$SIGNATURE_HEADER"'], []
    name = "Authorization" if scheme.send_header == "authorization" else scheme.send_header
    return ["-H", f'"{name}: {scheme.send_prefix}$TOKEN"'], []
