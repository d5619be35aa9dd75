"""Sending a person to a vendor to say yes, and making a token set of what they bring back (RFC 6749 4.1, RFC 9700)."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.db import transaction

from ipaas import audit
from ipaas.catalog import oauth, tokens
from ipaas.catalog.credentials import OpenedSecret, opened_from
from ipaas.catalog.errors import (
    AuthorizationInvalid,
    AuthorizationRefused,
    CredentialDetached,
    CredentialUnreadable,
)
from ipaas.catalog.models import Authorization, Connection, ShareLink
from ipaas.catalog.resolution import Resolved, invalidate, resolve
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, IpaasError
from ipaas.core.net import EgressRefused, HttpClient, NetError, check_target
from ipaas.core.phrases import said
from ipaas.sdk.credential_fields import checked_field
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.tokens import CODE, Token, TokenRefused, authorize_query, code_request, new_verifier
from ipaas.vault.opening import open_secret
from ipaas.vault.payloads import sealer_for

VALID_FOR = timedelta(minutes=10)
_MAX_CODE_CHARS = 4096
_ERRORS = frozenset(
    {
        "access_denied",
        "invalid_request",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_response_type",
    }
)
"""Words of RFC 6749 4.1.2.1; what else the address bar says is nobody's word."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a person is sent. ``url`` holds the one-time state: it goes to that person only."""

    url: str
    host: str
    scopes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Departure(to {self.host})"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A connection that is connected now; ``share`` is the link that it came by."""

    connection: Connection
    share: ShareLink | None


def begin_authorization(
    *, connection: Connection, browser: str, redirect_uri: str, actor: Actor, share: ShareLink | None = None
) -> Departure:
    """The address at the vendor where a person says yes. ``browser`` is a random text that only this browser's session
    knows: the answer counts in no other. With ``share`` the link is the permission.

    Raises Conflict for another scheme, CredentialDetached without a client id.
    """
    if share is None:
        require_permission(actor, "connections.edit", connection)
    resolved, scheme = _prepared(connection)
    secret = _client(connection, resolved, actor)
    target = oauth.address_target(scheme.authorize_url, resolved)
    check_target(target, resolved.egress)
    if target.scheme != "https" and not resolved.egress.allows_private(target.host, target.port):
        raise Conflict(what=said("The vendor's page to say yes on is not an https address."))
    state, verifier = secrets.token_urlsafe(32), new_verifier()
    moment = now()
    with transaction.atomic():
        connection.authorizations.filter(expires_at__lt=moment - VALID_FOR).delete()
        Authorization.objects.create(
            connection=connection,
            share=share,
            state_digest=_digest(state),
            browser_digest=_digest(browser),
            user_id=actor.id if actor.kind == "user" else "",
            verifier=sealer_for(connection.workspace_id).seal(verifier.encode(), _aad(connection)),
            redirect_uri=redirect_uri,
            place=_place(resolved, scheme, secret),
            expires_at=moment + VALID_FOR,
        )
    client_id = checked_field(scheme, secret.fields, "client_id")
    query = authorize_query(scheme, client_id=client_id, redirect_uri=redirect_uri, state=state, verifier=verifier)
    address = f"{target.origin}{target.path.decode('ascii')}"
    url = f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"
    return Departure(url, target.host, scheme.scopes)


def awaited(*, state: str, browser: str) -> Authorization:
    """Who is awaited with this state in this browser; AuthorizationInvalid alike for everything else."""
    found = (
        Authorization.objects.select_related("connection__workspace", "connection__environment", "share")
        .filter(state_digest=_digest(state), used_at=None, expires_at__gt=now())
        .first()
    )
    if found is None or not secrets.compare_digest(bytes(found.browser_digest), _digest(browser)):
        raise AuthorizationInvalid
    return found


def finish_authorization(*, waiting: Authorization, code: str, error: str, actor: Actor) -> Arrival:
    """Exchange the code that a person brought back, once. What was connected before stays unless that works.

    ``waiting`` comes from ``awaited``. Not inside a transaction, as the call takes its time. Raises
    AuthorizationInvalid, AuthorizationRefused with what the vendor said.
    """
    connection, share = waiting.connection, waiting.share
    if share is None:
        require_permission(actor, "connections.edit", connection)
        if actor.kind != "user" or actor.id != waiting.user_id:
            raise AuthorizationInvalid
    elif share.state != "open":
        raise AuthorizationInvalid
    if not Authorization.objects.filter(id=waiting.id, used_at=None).update(used_at=now()):
        raise AuthorizationInvalid
    if error or not code or len(code) > _MAX_CODE_CHARS:
        raise AuthorizationRefused(told=error if error in _ERRORS else "it sent no code")
    resolved, scheme = _prepared(connection)
    secret = _client(connection, resolved, actor)
    if _place(resolved, scheme, secret) != waiting.place:
        raise AuthorizationInvalid  # the connection is another one by now
    verifier = sealer_for(connection.workspace_id).open(bytes(waiting.verifier), _aad(connection)).decode()
    token = _exchanged(waiting, resolved, scheme, secret, code, verifier)
    _keep(connection, share, token, actor)
    return Arrival(connection, share)


def _exchanged(
    waiting: Authorization, resolved: Resolved, scheme: AuthScheme, secret: OpenedSecret, code: str, verifier: str
) -> Token:
    target = oauth.token_target(scheme, resolved)
    request = code_request(
        scheme,
        secret.fields,
        target.path.decode("ascii"),
        code=code,
        verifier=verifier,
        redirect_uri=waiting.redirect_uri,
    )

    async def get() -> Token:
        async with HttpClient() as client:
            return await oauth.ask(request, target, resolved, secret, client)

    try:
        return asyncio.run(get())
    except TokenRefused as refused:
        raise AuthorizationRefused(told=refused.told or str(refused.params["reason"])) from None
    except NetError as lost:
        raise AuthorizationRefused(told=lost.detail.rstrip(".")) from None


@transaction.atomic
def _keep(connection: Connection, share: ShareLink | None, token: Token, actor: Actor) -> None:
    if share is not None and not ShareLink.objects.filter(
        id=share.id, used_at=None, revoked_at=None, expires_at__gt=now()
    ).update(used_at=now()):
        raise AuthorizationInvalid
    tokens.store_granted(connection, token, by=actor.label)
    audit.record(
        "connection.connected",
        actor=actor,
        workspace_id=connection.workspace_id,
        subject=("connection", connection.id, connection.slug),
        details={
            "scopes": list(token.scopes or ()),
            "renewable": bool(token.refresh_token),
            "shared": share is not None,
        },
    )
    transaction.on_commit(lambda: oauth.forget_token(connection.id))
    transaction.on_commit(lambda: invalidate(connection))


def _prepared(connection: Connection) -> tuple[Resolved, AuthScheme]:
    resolved = resolve(connection)
    if resolved.grant is None or resolved.grant.type != CODE or resolved.target is None:
        raise Conflict(
            what=said("The connection {slug!r} is not connected by saying yes at the vendor.", slug=connection.slug)
        )
    return resolved, resolved.grant


def _client(connection: Connection, resolved: Resolved, actor: Actor) -> OpenedSecret:
    """The client id and secret, provided that they were entered for the address that is called."""
    if not resolved.secret_bound:
        raise CredentialDetached(connection=connection.slug)
    try:
        fields = open_secret(
            connection.workspace_id, connection.secret, purpose="authorization", flow_label=actor.label[:100]
        )
    except IpaasError as error:
        raise CredentialUnreadable(connection=connection.slug, reason=error.detail) from error
    return opened_from(fields)


def _place(resolved: Resolved, scheme: AuthScheme, secret: OpenedSecret) -> str:
    """What a code is exchanged for: this client at these addresses."""
    try:
        addresses = [
            f"{one.origin}{one.path.decode('ascii')}"
            for one in (oauth.address_target(scheme.authorize_url, resolved), oauth.token_target(scheme, resolved))
        ]
    except EgressRefused:
        raise AuthorizationInvalid from None
    parts = (resolved.origin, scheme.name, resolved.secret, secret.fields.get("client_id", ""), *addresses)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _aad(connection: Connection) -> bytes:
    return b"oauth-verifier:" + connection.id.bytes
