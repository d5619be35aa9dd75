"""Deploying and undeploying say what is left to do at the vendor of the trigger, with the deed beside it."""

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog.services import create_connection
from ipaas.core.actor import SYSTEM, Actor
from ipaas.events.models import Endpoint, Subscription
from ipaas.events.services import create_endpoint
from ipaas.flows.models import Deployment, Flow
from ipaas.governance import services as governance
from ipaas.vault.models import Secret
from ipaas.vault.services import create_secret
from ipaas.web.api.document_serializers import DeployedOutput
from ipaas.web.vendor_notices import notice_of
from tests.factories.flow_documents import flow
from tests.integration.web.conftest import Browsers

ONE = "/w/acme/endpoints/in/production/hooks/"


@pytest.fixture
def endpoint(workspace: Workspace, environment: Environment) -> Endpoint:
    fields = {"signing_secret": "s" * 32}
    create_secret(workspace=workspace, slug="sign", fields=fields, kind=Secret.Kind.SIGNING, actor=SYSTEM)
    create_connection(environment=environment, slug="gh", connector="github", config={"owner": "octo"}, actor=SYSTEM)
    given = {"connector": "github", "signature": {"scheme": "github"}, "secret_slug": "sign"}
    return create_endpoint(actor=SYSTEM, environment=environment, slug="hooks", title="Hooks", **given)


@pytest.fixture
def deployed(endpoint: Endpoint) -> Deployment:
    content = flow(
        slug="issues",
        trigger={"webhook": {"endpoint": "hooks"}},
        steps=[{"id": "note", "map": {"fields": {"id": "trigger.body.id"}}}],
    )
    applied = governance.apply_document(actor=SYSTEM, workspace=endpoint.workspace, content=content)
    found = Flow.objects.get(id=applied.document.id)
    return governance.deploy(flow=found, environment=endpoint.environment, version=applied.version, actor=SYSTEM)


def told(deployment: Deployment, *permissions: str) -> object:
    actor = Actor("user", "u", "u", deployment.flow.workspace_id, frozenset(permissions))
    return DeployedOutput(deployment, context={"actor": actor}).data["vendor"]


def page_of(client: Client, deed: str, state: str) -> str:
    page = client.get("/w/acme/flows/issues/")
    assert [row.state for row in page.context["vendor_notices"]] == ([state] if state else [])
    text = page.content.decode()
    assert (f'action="{ONE}{deed}/"' in text) is bool(deed)
    return text


def test_a_vendor_that_was_not_told_is_named_with_the_deed(
    deployed: Deployment, endpoint: Endpoint, as_role: Browsers
) -> None:
    builder = as_role("builder")
    text = page_of(builder, "subscribe", "missing")
    assert '<input type="hidden" name="way" value="gh/events" />' in text
    assert 'name="way"' not in as_role("viewer").get("/w/acme/flows/issues/").content.decode()
    way = [{"connection": "gh", "trigger": "events"}]
    expected = {"state": "missing", "endpoint": "hooks", "endpoint_id": str(endpoint.id), "ways": way}
    assert told(deployed, "connections.view") == expected
    assert told(deployed) is None
    row = Subscription.objects.create(endpoint=endpoint, connection="gh", trigger="events", state="active")
    page_of(builder, "", "")
    assert builder.post(f"{ONE}subscribe/", {"way": "gh/events"}, follow=True).status_code == 200
    assert Subscription.objects.get().created_at == row.created_at, "nobody is told twice"
    Subscription.objects.update(state="unknown")
    page_of(builder, "check", "doubtful")


def test_what_nobody_listens_to_any_more_is_to_be_ended(
    deployed: Deployment, endpoint: Endpoint, as_role: Browsers
) -> None:
    Subscription.objects.create(endpoint=endpoint, connection="gh", trigger="events", state="active")
    undeployed = governance.undeploy(deployment=deployed, actor=SYSTEM, reason="over")
    builder = as_role("builder")
    page_of(builder, "unsubscribe", "idle")
    Deployment.objects.update(active=True)
    page_of(builder, "", "")
    undeployed.active = False
    assert notice_of(undeployed) is None, "another flow listens"


def test_without_a_way_to_tell_the_vendor_nothing_is_said(deployed: Deployment, endpoint: Endpoint) -> None:
    Endpoint.objects.update(connector="stripe")
    assert notice_of(deployed) is None
    Endpoint.objects.update(connector="")
    assert notice_of(deployed) is None
    deployed.trigger_key = "elsewhere"
    assert notice_of(deployed) is None
    deployed.trigger_kind = "schedule"
    assert notice_of(deployed) is None
