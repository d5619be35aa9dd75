"""Who belongs where: users, workspaces, environments, memberships, API keys."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models

from ipaas.accounts.querysets import (
    ApiKeyQuerySet,
    FlowRoleQuerySet,
    InvitationQuerySet,
    MembershipQuerySet,
    WorkspaceQuerySet,
)
from ipaas.core.clock import now
from ipaas.core.ids import uuid7

PRODUCTION = "production"
"""The usual name of the environment where the real systems are."""


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person; signs in by e-mail address. What they may do comes from memberships alone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    theme = models.CharField(
        max_length=8, default="auto", choices=[("auto", "auto"), ("light", "light"), ("dark", "dark")]
    )
    language = models.CharField(max_length=8, blank=True, default="")
    """A code of ``settings.LANGUAGES``; empty until the person chooses one: then the browser's counts."""
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    def __str__(self) -> str:
        return self.email


class Workspace(models.Model):
    """A tenant; everything else belongs to exactly one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    settings = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    def __str__(self) -> str:
        return self.slug

    @property
    def workspace_id(self) -> UUID:
        """A workspace belongs to itself, so that ``require_permission`` takes it as a subject."""
        return self.id

    @property
    def production(self) -> "Environment | None":
        """The environment where the real systems are; None while there is none at all."""
        return production_among(list(self.environments.all()))


class Environment(models.Model):
    """Development, staging, production: the same flows, other connections and variables."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="environments")
    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(default=0)
    variables = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="accounts_environment_slug")]
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.slug


def production_among(places: Sequence[Environment]) -> Environment | None:
    """Of a workspace's environments in order: the one that is called so, else the last, where flows arrive."""
    return next((one for one in places if one.slug == PRODUCTION), places[-1] if places else None)


class Membership(models.Model):
    """The roles of a user in a workspace."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    roles = ArrayField(models.CharField(max_length=20))

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="accounts_membership_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.workspace_id}"


class FlowRole(models.Model):
    """What a member is to one flow, its owner or a steward, beyond the roles of the workspace."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="flow_roles")
    flow_id = models.UUIDField(db_index=True)
    role = models.CharField(max_length=20)

    objects = FlowRoleQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership", "flow_id"], name="accounts_flowrole_once")]

    def __str__(self) -> str:
        return f"{self.role} of {self.flow_id}"


class Invitation(models.Model):
    """An address that was asked to join, with the roles it then gets; only a digest of the link's token is stored."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    roles = ArrayField(models.CharField(max_length=20))
    digest = models.BinaryField(max_length=32, unique=True)
    invited_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    mailed_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "email"],
                condition=models.Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="accounts_invitation_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.workspace_id}"

    @property
    def state(self) -> str:
        """accepted, revoked, expired or invited."""
        if self.accepted_at is not None:
            return "accepted"
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= now() else "invited"


class Identity(models.Model):
    """A person as the single sign-on provider knows them; ``subject`` never changes there, an address may."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="accounts_identity_once")]

    def __str__(self) -> str:
        return self.subject


class ServiceAccount(models.Model):
    """A program that acts in a workspace in its own name, by API keys only.

    ``rate_per_minute`` is what each of its keys may ask of the API; None: what the installation allows every key.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="service_accounts")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    roles = ArrayField(models.CharField(max_length=20))
    disabled = models.BooleanField(default=False)
    rate_per_minute = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="accounts_serviceaccount_slug")]
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class ApiKey(models.Model):
    """A key of a workspace: only its SHA-256 is stored; scopes are permission names.

    A key never permits more than its owner (a user or a service account) has at the moment of use; a key without an
    owner was made by the platform itself.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=40))
    owner = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="api_keys")
    service_account = models.ForeignKey(ServiceAccount, null=True, on_delete=models.CASCADE, related_name="api_keys")
    flows = ArrayField(models.UUIDField(), null=True)
    replaced_by = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="replaces")
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(owner__isnull=True) | models.Q(service_account__isnull=True),
                name="accounts_apikey_one_owner",
            )
        ]

    def __str__(self) -> str:
        return self.name


class KeptAnswer(models.Model):
    """What a caller was told for an ``Idempotency-Key``, written in the transaction of the deed.

    ``principal`` is the kind and id of the actor; a key means nothing to anybody else, nor at another address.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    principal = models.CharField(max_length=200)
    route = models.CharField(max_length=300)
    key = models.CharField(max_length=200)
    request_sha256 = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "principal", "route", "key"], name="accounts_keptanswer_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
