"""Contracts: what is refused, what is pinned, and what partners and their programs get."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from openapi_spec_validator import validate

from ipaas.accounts.models import Environment, Workspace
from ipaas.contracts.contract_document import mode_of
from ipaas.contracts.exports import Door, as_asyncapi, as_json, as_openapi
from ipaas.contracts.models import Contract, ContractVersion
from ipaas.contracts.services import share_contract, unshare_contract
from ipaas.contracts.validators import resolved_part
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.document_types import document_type
from ipaas.core.errors import Conflict, InvalidInput, PermissionDenied
from ipaas.flows.models import FlowVersion
from ipaas.governance import services
from ipaas.sdk.openapi import import_openapi
from tests.factories.flow_documents import call, contract, flow, schema

DEFINITIONS = {
    "type": "object",
    "properties": {"line": {"$ref": "#/$defs/line"}, "kind": {"const": {"$ref": "#/x"}}},
    "$defs": {"line": {"type": "string"}},
}
DOORS = [
    Door("production", address="https://in.example/hooks/abc"),
    Door("staging", address="https://s.example/hooks/abc"),
]


def apply(workspace: Workspace, content: dict[str, Any], actor: Actor = SYSTEM) -> Any:
    return services.apply_document(actor=actor, workspace=workspace, content=content).version


@pytest.fixture
def published(workspace: Workspace) -> ContractVersion:
    apply(workspace, schema())
    apply(workspace, schema(slug="row", schema=DEFINITIONS))
    changes = {
        "output": {"schema": "row"},
        "examples": [{"title": "One", "input": {"id": "1"}, "output": {"line": "a"}}],
    }
    found: ContractVersion = apply(workspace, contract(contact="team@shop.example", **changes))
    return found


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"owner": ""}, [("", "contract.no_owner")]),
        ({"input": {"schema": "nothing"}}, [("/input/schema", "contract.unknown_schema")]),
        ({"input": {"schema": "order", "mode": "ignore"}}, [("/input/mode", "document.enum")]),
        ({"examples": [{"title": "x", "input": {"id": 1}}]}, [("/examples/0/input/id", "contract.example")]),
        (
            {"examples": [{"title": "x", "input": {"id": "1"}, "output": 1}]},
            [("/examples/0/output", "contract.no_output")],
        ),
        ({"ordering": {"promise": "per_key"}}, [("/ordering", "contract.ordering_key")]),
        ({"errors": [{"class": "auth", "meaning": "a", "remedy": "b"}] * 2}, [("/errors/1", "contract.error_twice")]),
        ({"domain": "nowhere"}, [("/domain", "domain.unknown")]),
    ],
)
def test_findings(workspace: Workspace, changes: dict[str, Any], codes: list[tuple[str, str]]) -> None:
    apply(workspace, schema())
    found = document_type("contract").validate(contract(**changes), workspace.id)
    assert [(one.path, one.code) for one in found] == codes


def test_schemas_are_pinned_and_a_version_never_moves(workspace: Workspace, published: ContractVersion) -> None:
    apply(workspace, schema(schema={"type": "object"}))
    published.refresh_from_db()
    assert published.content["input"]["schema"] == "order@1"
    assert apply(workspace, contract(title="Other")).content["input"]["schema"] == "order@2"


def test_the_mode_of_an_environment_goes_before_the_mode_of_all() -> None:
    assert mode_of({}, "production") == "quarantine"
    assert mode_of({"mode": "warn"}, "production") == "warn"
    assert mode_of({"mode": "warn", "modes": {"production": "block"}}, "production") == "block"


def test_a_flow_pins_its_contract_and_is_refused_one_that_is_not_there(
    workspace: Workspace, published: ContractVersion
) -> None:
    version: FlowVersion = apply(workspace, flow(contract="orders-in"))
    assert version.content["contract"] == "orders-in@1"
    with pytest.raises(InvalidInput) as refused:
        apply(workspace, flow(contract="orders-out", input={"schema": "order"}))
    assert [one["code"] for one in refused.value.errors] == ["flow.contract_and_input", "flow.unknown_contract"]


def test_openapi_of_a_contract_is_read_by_the_import_of_descriptions(published: ContractVersion) -> None:
    found = as_openapi(published, DOORS)
    assert list(found["paths"]) == ["/hooks/abc"]
    assert [server["description"] for server in found["paths"]["/hooks/abc"]["servers"]] == ["production", "staging"]
    output = found["components"]["schemas"]["Output"]["properties"]
    assert output["line"] == {"$ref": "#/components/schemas/Output/$defs/line"}
    assert output["kind"] == {"const": {"$ref": "#/x"}}
    assert found["info"]["contact"] == {"name": "fulfilment", "email": "team@shop.example"}
    assert list(as_openapi(published, [])["webhooks"]) == ["orders-in"]
    made = import_openapi(json.dumps(found).encode(), slug="orders")
    assert list(made.manifest.actions) == ["send_orders_in"]


@pytest.mark.parametrize("form", [as_openapi, as_asyncapi])
def test_a_description_is_valid_also_where_its_schemas_refer_to_others(
    workspace: Workspace, form: Callable[..., dict[str, Any]]
) -> None:
    apply(workspace, schema(slug="line", schema={"$id": "https://x.example/line", "$ref": "#/$defs/default",
                                                 "$defs": {"default": {"type": "string"}}}))  # fmt: skip
    referring = {"$id": "https://x.example/order", "properties": {"default": {"$ref": "line"}, "self": {"$ref": "#"}}}
    apply(workspace, schema(schema=referring))
    found = form(apply(workspace, contract()), DOORS)
    places = list(references_of(found))
    assert any("line@1" in one for one in places)
    assert [one for one in places if resolved_part(found, one) is None] == []
    if form is as_openapi:
        validate(found)


def references_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from [item] if key == "$ref" else references_of(item) if key != "const" else ()
    elif isinstance(value, list):
        for item in value:
            yield from references_of(item)


def test_asyncapi_and_json_hold_the_schemas_in_full(published: ContractVersion) -> None:
    found = as_asyncapi(published, DOORS)
    assert [operation["action"] for operation in found["operations"].values()] == ["receive", "send"]
    assert found["channels"]["input"]["address"] == "/hooks/abc"
    payload = found["components"]["messages"]["Output"]["payload"]["schema"]
    assert payload["properties"]["line"] == {"$ref": "#/components/messages/Output/payload/schema/$defs/line"}
    assert payload["properties"]["kind"] == {"const": {"$ref": "#/x"}}
    assert found["channels"]["output"] == {
        "address": None, "messages": {"Output": {"$ref": "#/components/messages/Output"}},
    }  # fmt: skip
    assert [one for one in references_of(found) if resolved_part(found, one) is None] == []
    assert found["components"]["messages"]["Input"]["examples"][0]["payload"] == {"id": "1"}
    whole = as_json(published, DOORS)
    assert whole["output"]["json_schema"] == DEFINITIONS
    assert whole["doors"][0] == {"environment": "production", "address": "https://in.example/hooks/abc"}


def test_the_link_for_partners_is_made_once_and_ends_at_once(
    workspace: Workspace, published: ContractVersion, production: Environment
) -> None:
    document = published.document
    version = apply(workspace, flow(steps=[call("charge")], contract="orders-in", trigger={"event": {"type": "x.y"}}))
    services.deploy(flow=version.document, environment=production, version=version, actor=SYSTEM)
    shared = share_contract(contract=document, actor=SYSTEM)
    assert share_contract(contract=document, actor=SYSTEM).share_key == shared.share_key
    page = Client().get(f"/contract/{shared.share_key}/")
    assert page.status_code == 200
    assert all(word in page.content.decode() for word in ("Orders from the storefront", "card was refused", "x.y"))
    for form, key in (("contract", "input"), ("openapi", "openapi"), ("asyncapi", "asyncapi")):
        assert key in Client().get(f"/contract/{shared.share_key}/{form}.json").json()
    assert Client().get(f"/contract/{shared.share_key}/other.json").status_code == 404
    unshare_contract(contract=document, actor=SYSTEM)
    assert Client().get(f"/contract/{shared.share_key}/").status_code == 404
    assert share_contract(contract=document, actor=SYSTEM).share_key != shared.share_key
    services.archive_document(document=Contract.objects.get(), actor=SYSTEM, reason="over")
    assert Client().get(f"/contract/{Contract.objects.get().share_key}/openapi.json").status_code == 404


def test_what_has_no_version_is_not_shared_nor_by_everybody(workspace: Workspace) -> None:
    services.apply_document(actor=SYSTEM, workspace=workspace, content=contract(), publish_it=False)
    with pytest.raises(Conflict):
        share_contract(contract=Contract.objects.get(), actor=SYSTEM)
    viewer = Actor("user", "u", "Vera", workspace.id, frozenset({"contracts.view", "contracts.edit"}))
    with pytest.raises(PermissionDenied):
        share_contract(contract=Contract.objects.get(), actor=viewer)
