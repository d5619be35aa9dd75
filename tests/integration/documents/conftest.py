from collections.abc import Callable

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.core.actor import Actor
from ipaas.flows import catalogue

EDITOR = frozenset(
    f"{kind}.{deed}" for kind in ("flows", "mappings", "schemas", "contracts") for deed in ("view", "edit", "publish")
) | {"flows.pause"}


@pytest.fixture(autouse=True)
def any_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents here name connections that no catalogue holds; what the catalogue refuses is tested with it."""
    monkeypatch.setattr(catalogue, "PROVIDER", "catalog.nobody")


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(slug="acme", name="Acme")


@pytest.fixture
def other_workspace(db: None) -> Workspace:
    return Workspace.objects.create(slug="globex", name="Globex")


@pytest.fixture
def production(workspace: Workspace) -> Environment:
    return Environment.objects.create(workspace=workspace, slug="production", name="Production")


@pytest.fixture
def actor_of() -> Callable[..., Actor]:
    def make(workspace: Workspace, permissions: frozenset[str] = EDITOR) -> Actor:
        return Actor("user", "u1", "Alice", workspace.id, permissions)

    return make


@pytest.fixture
def alice(workspace: Workspace, actor_of: Callable[..., Actor]) -> Actor:
    """May do all with documents of the workspace."""
    return actor_of(workspace)


@pytest.fixture
def bob(workspace: Workspace, actor_of: Callable[..., Actor]) -> Actor:
    """Sees documents of the workspace, may change nothing."""
    return actor_of(workspace, frozenset({"flows.view", "mappings.view", "schemas.view"}))


@pytest.fixture
def charlie(other_workspace: Workspace, actor_of: Callable[..., Actor]) -> Actor:
    """A stranger."""
    return actor_of(other_workspace)
