"""A client that a public generator makes of our description, used against a live server."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType
from pytest_django.live_server_helper import LiveServer

from ipaas.accounts.models import Environment, Workspace
from ipaas.accounts.services import create_api_key
from ipaas.core.actor import SYSTEM
from tests.integration.api.conftest import deploy_simple
from tests.integration.api.test_description import ALL, REFERENCE

NAME = "generated_ipaas_client"
OF_FILES = {"audit_export", "audit_checkpoints"}


@pytest.fixture(scope="module")
def client_package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("client")
    options = ConfigFile(post_hooks=[])
    errors = generate(
        config=Config.from_sources(
            options, MetaType.NONE, REFERENCE / "openapi.json", "utf-8", overwrite=True, output_path=folder / NAME
        )
    )
    assert [error for error in errors if "application/jsonl" not in str(error.detail)] == []
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(NAME)
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
            del sys.modules[name]


def part(path: str) -> Any:
    return importlib.import_module(f"{NAME}.{path}")


@pytest.mark.usefixtures("client_package")
def test_it_has_every_operation(client_package: ModuleType) -> None:
    folder = Path(str(client_package.__file__)).parent / "api"
    made = {path.stem for path in folder.glob("*/*.py")} - {"__init__"}
    assert {one["operationId"] for *_, one in ALL} - OF_FILES <= made


@pytest.mark.django_db(transaction=True)
def test_it_starts_a_run_and_reads_it(client_package: ModuleType, live_server: LiveServer) -> None:
    acme = Workspace.objects.create(slug="acme", name="Acme")
    production = Environment.objects.create(workspace=acme, slug="production", name="Production")
    deploy_simple(acme, production)
    key = create_api_key(workspace=acme, name="script", scopes=["flows.trigger", "runs.view"], actor=SYSTEM).raw
    with part("client").AuthenticatedClient(live_server.url, token=key, raise_on_unexpected_status=True) as client:
        _use(client)


def _use(client: Any) -> None:
    models = part("models")
    body = models.TriggerInputRequest(environment="production", body={"id": "o-1"})

    started, again = (
        part("api.flows.flow_trigger").sync("orders", client=client, body=body, idempotency_key="order-o-1")
        for _ in range(2)
    )
    assert started.id == again.id
    run = part("api.runs.run_get").sync(started.id, client=client)
    assert (run.flow, run.environment, str(run.status)) == ("orders", "production", "queued")
    page = part("api.runs.run_list").sync(client=client, flow="orders", limit=1)
    assert [row.id for row in page.items] == [started.id]

    refused = part("api.secrets.secret_list").sync_detailed(client=client)
    assert (refused.status_code, refused.parsed.code) == (403, "permission_denied")
