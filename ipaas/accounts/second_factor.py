"""The second factor of people: sealed at rest, asked for by workspaces, reset by administrators."""

import base64
import os
from uuid import UUID

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest

from ipaas import audit
from ipaas.accounts.guards import grantable, own_member
from ipaas.accounts.models import Membership, User, Workspace
from ipaas.core import providers
from ipaas.core.actor import Actor, require_permission

REQUIRED = "require_two_factor"
"""The setting of a workspace that asks for a second factor."""
BY_PROVIDER = "second_factor_by_provider"
"""Whose sign-in through the provider has asked for a second factor already; kept in the session."""
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
_NONCE = 12
_AAD = b"accounts.second_factor"


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Seeds of codes are sealed under the key of the platform: a copy of the database can not sign anybody in."""

    def encrypt(self, text: str) -> str:
        nonce = os.urandom(_NONCE)
        return base64.b64encode(nonce + _cipher().encrypt(nonce, text.encode(), _AAD)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        sealed = base64.b64decode(encrypted_text)
        return _cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], _AAD).decode()


def has_second_factor(user_id: UUID) -> bool:
    return bool(Authenticator.objects.filter(user_id=user_id, type__in=FACTORS).exists())


def factor_of(column: str) -> Exists:
    """For queries over people: whether the one that ``column`` names has a second factor."""
    return Exists(Authenticator.objects.filter(user_id=OuterRef(column), type__in=FACTORS))


def with_second_factor(user_ids: list[UUID]) -> set[UUID]:
    """Those of the people who have a second factor."""
    found = Authenticator.objects.filter(user_id__in=user_ids, type__in=FACTORS)
    return set(found.values_list("user_id", flat=True))


def lacks_second_factor(request: HttpRequest, user: User, workspace: Workspace) -> bool:
    """Whether the workspace asks for a second factor and the person signed in without one."""
    if not workspace.settings.get(REQUIRED) or request.session.get(BY_PROVIDER) == str(user.pk):
        return False
    return not has_second_factor(user.pk)


@transaction.atomic
def reset_second_factor(*, membership: Membership, actor: Actor) -> int:
    """Take all second factors and recovery codes from a person who lost them, and end the person's sessions.

    For people who belong to this workspace alone and may do no more than the actor. Gives how many factors there were.
    """
    require_permission(actor, "users.manage", membership)
    member = own_member(membership.user, membership.workspace)
    grantable(member.roles, actor)
    factors = Authenticator.objects.filter(user_id=member.user_id)
    count: int = factors.filter(type__in=FACTORS).count()
    factors.delete()
    for session in UserSession.objects.filter(user_id=member.user_id):
        session.end()
    audit.record(
        "user.second_factor_reset",
        actor=actor,
        workspace_id=member.workspace_id,
        subject=("user", member.user_id, member.user.email),
        details={"factors": count},
    )
    return count


def _cipher() -> AESGCM:
    return AESGCM(providers.get("vault.platform_key")("accounts.second_factor"))
