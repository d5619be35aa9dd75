"""Single sign-on: whom the provider's claims are, and what their groups make of them here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.accounts.errors import LastAdmin
from ipaas.accounts.guards import checked_email, create_user
from ipaas.accounts.models import Identity, Membership, User, Workspace
from ipaas.accounts.oidc import OidcClient, SignOnFailed, client_of
from ipaas.accounts.roles import ROLES
from ipaas.accounts.services import change_roles, remove_member
from ipaas.accounts.signin import record_own_deed
from ipaas.config import settings
from ipaas.core.actor import Actor
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput
from ipaas.core.logging import get_logger
from ipaas.core.phrases import said

log = get_logger(__name__)
PROVIDER = Actor(kind="system", id="single-sign-on", label="single sign-on")
STRONG = frozenset({"mfa", "otp", "hwk", "swk", "fpt", "face", "sc"})
"""Methods (RFC 8176) that a password alone does not amount to."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider that the installation's settings name."""

    name: str
    issuer: str
    scopes: str
    groups_claim: str
    trust_email: bool
    roles: Mapping[str, list[str]]
    client: OidcClient

    def roles_of_workspace(self, slug: str) -> dict[str, list[str]]:
        """Roles in a workspace by group; empty where no group is mapped to it."""
        return {group: found for group in self.roles if (found := self.granted([group]).get(slug))}

    def granted(self, groups: list[str]) -> dict[str, list[str]]:
        """Known roles by workspace that some groups give together."""
        found: dict[str, set[str]] = {}
        for group in groups:
            for entry in self.roles.get(group, ()):
                slug, _, role = entry.rpartition(":")
                if role in ROLES:
                    found.setdefault(slug, set()).add(role)
        return {slug: sorted(roles) for slug, roles in found.items()}


def provider() -> Provider | None:
    """None where the installation has no single sign-on."""
    conf = settings()
    if conf.oidc_issuer is None:
        return None
    secret = conf.oidc_client_secret.get_secret_value() if conf.oidc_client_secret else None
    issuer = conf.oidc_issuer.rstrip("/")
    return Provider(
        name=conf.oidc_name,
        issuer=issuer,
        scopes=conf.oidc_scopes,
        groups_claim=conf.oidc_groups_claim,
        trust_email=conf.oidc_trust_email,
        roles=conf.oidc_roles,
        client=client_of(issuer, conf.oidc_client_id, secret),
    )


@transaction.atomic
def person_of(*, sso: Provider, claims: Mapping[str, Any], ip: str) -> User:
    """The person whom checked claims are of, with the roles that their groups give now.

    Known by the provider's subject; at first by a verified address, and made when their groups give any role.
    Raises SignOnFailed for everybody else.
    """
    subject = str(claims["sub"])[:255]
    granted = sso.granted(_groups(sso, claims))
    identity = Identity.objects.select_related("user").filter(issuer=sso.issuer, subject=subject).first()
    user = identity.user if identity is not None else _known_by_address(sso, claims, granted)
    if not user.is_active:
        raise SignOnFailed(reason=said("the account of {email} is switched off", email=user.email))
    if identity is None:
        identity = Identity.objects.create(user=user, issuer=sso.issuer, subject=subject)
        record_own_deed("identity.linked", user, ip, {"issuer": sso.issuer, "subject": subject})
    identity.last_used_at = now()
    identity.save(update_fields=["last_used_at"])
    for slug in sorted({entry.rpartition(":")[0] for entries in sso.roles.values() for entry in entries}):
        _govern(user, slug, granted.get(slug, []))
    return user


def asked_second_factor(claims: Mapping[str, Any]) -> bool:
    """Whether the provider says that it asked for more than a password (``amr``)."""
    methods = claims.get("amr")
    return isinstance(methods, list) and any(one in STRONG for one in methods if isinstance(one, str))


def _groups(sso: Provider, claims: Mapping[str, Any]) -> list[str]:
    found = claims.get(sso.groups_claim)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _known_by_address(sso: Provider, claims: Mapping[str, Any], granted: Mapping[str, list[str]]) -> User:
    try:
        email = checked_email(str(claims.get("email", "")))
    except InvalidInput:
        raise SignOnFailed(reason=said("the provider tells no mail address of you")) from None
    if claims.get("email_verified") is not True and not (sso.trust_email and "email_verified" not in claims):
        raise SignOnFailed(reason=said("the provider has not verified the address {email}", email=email))
    user = User.objects.filter(email=email).first()
    if user is None and not granted:
        raise SignOnFailed(
            reason=said("{email} has no account here, and none of your groups gives access", email=email)
        )
    if user is not None and user.identities.filter(issuer=sso.issuer).exists():
        raise SignOnFailed(reason=said("{email} belongs to somebody else at the provider", email=email))
    name = str(claims.get("name") or "").strip() or email.partition("@")[0]
    return user or create_user(email=email, name=name, password=None)


def _govern(user: User, slug: str, roles: list[str]) -> None:
    """Make the person's roles in a workspace what their groups give; none: no member. On record."""
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        log.warning("a group is mapped to a workspace that does not exist", action="single_signon", workspace=slug)
        return
    member = Membership.objects.select_related("user", "workspace").filter(user=user, workspace=workspace).first()
    try:
        if member is None and roles:
            Membership.objects.create(user=user, workspace=workspace, roles=roles)
            subject = ("user", user.pk, user.email)
            audit.record(
                "member.added", actor=PROVIDER, workspace_id=workspace.id, subject=subject, details={"roles": roles}
            )
        elif member is not None and not roles:
            remove_member(membership=member, actor=PROVIDER)
        elif member is not None and sorted(member.roles) != roles:
            change_roles(membership=member, roles=roles, actor=PROVIDER)
    except LastAdmin:
        log.warning("the last administrator keeps the role against the groups", action="single_signon", workspace=slug)
