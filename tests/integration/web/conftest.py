"""A workspace with people of every role, a browser for each, and a stranger."""

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.accounts.roles import ROLES
from ipaas.catalog.models import Connection
from ipaas.catalog.resolution import invalidate_all
from ipaas.catalog.services import create_connection
from ipaas.core.actor import SYSTEM
from ipaas.vault.models import Secret
from ipaas.vault.services import create_secret
from tests.factories.people import make_member

VALUE = "sk-live-3f9d2c7a10-never-shown"
Browsers = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _clean(_no_secret_reads_pending: None) -> Iterator[None]:
    cache.clear()
    yield
    invalidate_all()


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(slug="acme", name="Acme")


@pytest.fixture
def environment(workspace: Workspace) -> Environment:
    return Environment.objects.create(workspace=workspace, slug="production", name="Production")


@pytest.fixture
def as_role(workspace: Workspace) -> Browsers:
    """A browser signed in as a member with one role."""

    def sign_in(role: str) -> Client:
        client = Client()
        client.force_login(make_member(workspace, f"{role}@example.org", role).user)
        return client

    return sign_in


@pytest.fixture
def stranger(db: None) -> Client:
    """An administrator of another workspace."""
    elsewhere = Workspace.objects.create(slug="globex", name="Globex")
    Environment.objects.create(workspace=elsewhere, slug="production", name="Production")
    client = Client()
    client.force_login(make_member(elsewhere, "charlie@example.org", "admin").user)
    return client


@pytest.fixture
def secret(workspace: Workspace) -> Secret:
    return create_secret(workspace=workspace, slug="pay-key", fields={"token": VALUE}, actor=SYSTEM)


@pytest.fixture
def connection(environment: Environment, secret: Secret) -> Connection:
    return create_connection(
        environment=Environment.objects.select_related("workspace").get(id=environment.id),
        slug="payments",
        connector="payments",
        base_url="https://api.kestrelpay.example",
        secret=secret.slug,
        actor=SYSTEM,
    )


def roles_that(*permissions: str) -> list[str]:
    """Roles with all of the permissions."""
    return sorted(role for role, given in ROLES.items() if given >= set(permissions))
