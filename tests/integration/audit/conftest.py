import pytest

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor
from tests.factories.people import make_actor

audit.register_actions({"test.done": "Something was done.", "test.other": "Something else was done."})


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(slug="acme", name="Acme")


@pytest.fixture
def other_workspace(db: None) -> Workspace:
    return Workspace.objects.create(slug="globex", name="Globex")


@pytest.fixture
def alice(workspace: Workspace) -> Actor:
    return make_actor(workspace, "alice@example.org", "auditor")


@pytest.fixture
def bob(workspace: Workspace) -> Actor:
    return make_actor(workspace, "bob@example.org", "operator")


@pytest.fixture
def charlie(other_workspace: Workspace) -> Actor:
    return make_actor(other_workspace, "charlie@example.org", "admin")
