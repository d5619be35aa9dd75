"""Giving a connection its credential: fields that are entered, and links by which somebody else enters them."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.core import signing
from django.db import transaction

from ipaas import audit
from ipaas.catalog import checks
from ipaas.catalog.credentials import TLS_FIELDS
from ipaas.catalog.errors import ShareLinkEnded
from ipaas.catalog.models import Connection, OAuthToken, ShareLink
from ipaas.catalog.oauth import forget_token
from ipaas.catalog.registry import connector_of
from ipaas.catalog.resolution import invalidate
from ipaas.catalog.usage import connections_using
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.net import TlsFailed, tls_context
from ipaas.core.phrases import said
from ipaas.core.querysets import locked_row
from ipaas.core.state_names import state_name
from ipaas.sdk.credential_fields import CredentialUnusable
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.tokens import JWT, assertion, by_consent
from ipaas.vault.errors import SecretUnusable
from ipaas.vault.models import Secret
from ipaas.vault.opening import forget_opened, open_secret
from ipaas.vault.services import create_secret, put_version

LONGEST = timedelta(days=30)
USUAL = timedelta(days=7)
_SIGNER = signing.Signer(salt="ipaas.catalog.share")


@dataclass(frozen=True, slots=True)
class NewShareLink:
    """A link with its token, which can not be had again."""

    link: ShareLink
    token: str

    def __repr__(self) -> str:
        return f"NewShareLink({self.link.id})"


@transaction.atomic
def enter_credential(*, connection: Connection, fields: Mapping[str, str], actor: Actor) -> Connection:
    """Put what the scheme asks for into the connection's own secret, as its next version, bound to the present address.

    Fields that are left out stay as they are. A secret that other connections use too is left to them: this one gets
    its own. Raises InvalidInput with the place of every fault.
    """
    require_permission(actor, "connections.edit", connection)
    return _enter(_locked(connection), fields, actor)


@transaction.atomic
def create_share_link(
    *, connection: Connection, actor: Actor, note: str = "", valid_for: timedelta = USUAL
) -> NewShareLink:
    """A link by which somebody without an account connects this connection, once. Who makes it may do so themselves."""
    require_permission(actor, "connections.edit", connection)
    require_permission(actor, "secrets.write", connection)
    if not timedelta(0) < valid_for <= LONGEST:
        message = said("is at most {days} days", days=LONGEST.days)
        raise InvalidInput([{"path": "valid_hours", "code": "share.too_long", "message": message}])
    scheme = checks.scheme_of(connection)
    if scheme.type == "none":
        raise Conflict(what=said("There is nothing to connect: this authentication asks for nothing."))
    if by_consent(scheme) and not connection.secret:
        raise Conflict(
            what=said("Enter the client id first: the page behind the link sends people to the vendor with it.")
        )
    token = _SIGNER.sign(secrets.token_urlsafe(32))
    link = ShareLink.objects.create(
        workspace=connection.workspace,
        connection=connection,
        digest=_digest(token),
        note=note.strip()[:200],
        created_by=actor.label[:200],
        expires_at=now() + valid_for,
    )
    _record("connection.share_created", link.connection, actor, {"note": link.note, "expires_at": link.expires_at})
    return NewShareLink(link, token)


@transaction.atomic
def revoke_share_link(*, link: ShareLink, actor: Actor) -> ShareLink:
    """End a link at once."""
    require_permission(actor, "connections.edit", link)
    locked = locked_row(ShareLink.objects.select_related("connection"), link, "share link")
    if locked.state != "open":
        raise Conflict(what=said("The link is {state} already.", state=state_name(locked.state)))
    locked.revoked_at = now()
    locked.save(update_fields=["revoked_at"])
    _record("connection.share_revoked", locked.connection, actor, {"note": locked.note})
    return locked


def share_link_of(token: str) -> ShareLink:
    """The open link of a token; ShareLinkEnded for every other alike."""
    try:
        _SIGNER.unsign(token)
    except signing.BadSignature:
        raise ShareLinkEnded from None
    found = (
        ShareLink.objects.select_related("connection__workspace", "connection__environment")
        .filter(digest=_digest(token))
        .first()
    )
    if found is None or found.state != "open":
        raise ShareLinkEnded
    return found


def open_link(link_id: str) -> ShareLink:
    """A link that somebody came by in this session, while it is open; ShareLinkEnded for every other alike."""
    found = ShareLink.objects.select_related("connection__workspace", "connection__environment")
    link = found.filter(id=link_id).first() if link_id else None
    if link is None or link.state != "open":
        raise ShareLinkEnded
    return link


@transaction.atomic
def enter_by_link(*, link: ShareLink, fields: Mapping[str, str], ip: str = "") -> Connection:
    """Enter a credential by an open link, which is used up by it. Raises ShareLinkEnded, InvalidInput."""
    if not ShareLink.objects.filter(id=link.id, used_at=None, revoked_at=None, expires_at__gt=now()).update(
        used_at=now()
    ):
        raise ShareLinkEnded
    return _enter(_locked(link.connection), fields, guest_of(link, ip), guest=True)


def guest_of(link: ShareLink, ip: str = "") -> Actor:
    """Who acts by a link: known by who made it, and may enter this credential, nothing else."""
    return Actor(
        kind="anonymous",
        id=str(link.id),
        label=f"share link of {link.created_by}"[:200],
        workspace_id=link.workspace_id,
        permissions=frozenset({"secrets.write", "secrets.rotate"}),
        ip=ip or None,
    )


def asked_fields(connection: Connection) -> list[tuple[str, str, bool]]:
    """Name, title and whether it may be left out, of what the connection's scheme asks for."""
    return [(one.name, one.title, one.optional) for one in checks.scheme_of(connection).fields]


def _enter(row: Connection, fields: Mapping[str, str], actor: Actor, *, guest: bool = False) -> Connection:
    """``guest``: a whole credential and nothing else; whom to trust and what was entered before is not theirs."""
    scheme = checks.scheme_of(row)
    given = {name: value.strip() if "\n" not in value else value for name, value in fields.items() if value.strip()}
    own = _own_secret(row)
    before = _present(row, actor) if own is not None else {}
    kept = {name: value for name, value in before.items() if not guest or name in TLS_FIELDS}
    together = {**kept, **given}
    _check(scheme, given, together, set() if guest else set(TLS_FIELDS))
    if own is None:
        own = create_secret(
            workspace=row.workspace, slug=_free_slug(row), fields=together, actor=actor, description=_described(row)
        )
    elif given:
        put_version(secret=own, fields=together, actor=actor)
    row.secret, row.secret_origin = own.slug, checks.origin(row)
    row.save(update_fields=["secret", "secret_origin", "updated_at"])
    if not by_consent(scheme) or before.get("client_id") != together.get("client_id"):
        OAuthToken.objects.filter(connection_id=row.id).delete()
    _record("connection.credential_entered", row, actor, {"secret": own.slug, "fields": sorted(given)})
    slug = own.slug
    transaction.on_commit(lambda: forget_token(row.id))
    transaction.on_commit(lambda: forget_opened(row.workspace_id, slug))
    transaction.on_commit(lambda: invalidate(row))
    return row


def _check(scheme: AuthScheme, given: Mapping[str, str], together: Mapping[str, str], further: set[str]) -> None:
    """Every fault before anything is stored: fields that nobody asks for, missing ones, keys that can not be read."""
    known = {one.name for one in scheme.fields} | further
    errors = [_fault(name, "field.unknown", "is not asked for by this authentication") for name in given.keys() - known]
    if not together:
        errors.append(_fault("", "field.missing", "enter at least one field"))
    missing = [one.name for one in scheme.fields if not one.optional and not together.get(one.name)]
    errors += [_fault(name, "field.missing", "is needed") for name in missing]
    if not errors:
        errors = [*_key_faults(scheme, together), *_tls_faults(together)]
    if errors:
        raise InvalidInput(errors)


def _key_faults(scheme: AuthScheme, fields: Mapping[str, str]) -> list[dict[str, str]]:
    for part in scheme.parts:
        if part.type == JWT:
            try:
                assertion(part, fields, now=now(), audience="https://example.invalid/")
            except CredentialUnusable as error:
                return [_fault("private_key", "key.unusable", error.params["reason"])]
    return []


def _tls_faults(fields: Mapping[str, str]) -> list[dict[str, str]]:
    cert, key = fields.get("tls_client_cert", ""), fields.get("tls_client_key", "")
    if bool(cert) != bool(key):
        return [_fault("tls_client_key", "tls.incomplete", "a client certificate and its key belong together")]
    try:
        tls_context(
            ca_pem=fields.get("tls_ca", ""),
            client_cert_pem=cert,
            client_key_pem=key,
            key_password=fields.get("tls_key_password", ""),
        )
    except TlsFailed as error:
        return [_fault("tls_client_cert" if cert else "tls_ca", "tls.unusable", str(error.params["reason"]))]
    return []


def _fault(name: str, code: str, message: str) -> dict[str, str]:
    return {"path": f"fields.{name}" if name else "fields", "code": code, "message": message}


def _own_secret(row: Connection) -> Secret | None:
    """The connection's secret, where no other connection uses it."""
    if not row.secret or len(connections_using(row.workspace_id, row.secret)) > 1:
        return None
    return Secret.objects.in_workspace(row.workspace_id).filter(slug=row.secret).first()


def _present(row: Connection, actor: Actor) -> dict[str, str]:
    """What the live version holds; nothing where it was wiped, or was entered for another address."""
    if row.secret_origin != checks.origin(row):
        return {}
    forget_opened(row.workspace_id, row.secret)
    try:
        return open_secret(row.workspace_id, row.secret, purpose="new version", flow_label=actor.label[:100])
    except SecretUnusable:
        return {}


def _free_slug(row: Connection) -> str:
    base = f"{row.slug}-{row.environment.slug}"[:76].rstrip("-")
    taken = set(
        Secret.objects.in_workspace(row.workspace_id).filter(slug__startswith=base).values_list("slug", flat=True)
    )
    return next(slug for slug in (base, *(f"{base}-{number}" for number in range(2, 1000))) if slug not in taken)


def _described(row: Connection) -> str:
    return f"{connector_of(row).manifest.title}: {row.title} ({row.environment.slug})"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _locked(connection: Connection) -> Connection:
    return locked_row(Connection.objects.select_related("workspace", "environment"), connection, "connection")


def _record(action: str, row: Connection, actor: Actor, details: Mapping[str, object]) -> None:
    audit.record(
        action,
        actor=actor,
        workspace_id=row.workspace_id,
        subject=("connection", row.id, row.slug),
        details=dict(details),
    )
