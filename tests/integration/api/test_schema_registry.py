"""The registry as Confluent's own client uses it, over HTTP; what it answers where the client does not look."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from django.db import connections
from django.test import Client
from django.urls import get_resolver
from pytest_django.live_server_helper import LiveServer

from ipaas.accounts.models import Workspace
from ipaas.accounts.services import change_settings, create_api_key
from ipaas.contracts import models
from ipaas.core.actor import SYSTEM
from ipaas.governance.models import Review
from ipaas.governance.reviews import approve_review
from ipaas.governance.services import apply_document
from tests.factories.flow_documents import schema as schema_document
from tests.factories.people import make_actor

ALL = ["schemas.view", "schemas.edit", "schemas.publish", "settings.edit"]
ONE = {"type": "object", "properties": {"id": {"type": "string"}}}
TWO = {"type": "object", "properties": {"id": {"type": "string"}, "note": {"type": "string"}}}
BROKEN = {**ONE, "required": ["id"]}
HEADER = "application/vnd.schemaregistry.v1+json"


def key_of(workspace: Workspace, scopes: list[str]) -> str:
    return create_api_key(workspace=workspace, name="kafka", scopes=scopes, actor=SYSTEM).raw


def text(schema: Any) -> Schema:
    return Schema(json.dumps(schema), "JSON")


Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def call(acme: Workspace) -> Call:
    def send(method: str, path: str, body: Any = None, key: str | None = None, scopes: list[str] = ALL) -> Any:
        raw = key_of(acme, scopes) if key is None else key
        word = base64.b64encode(f"any:{raw}".encode()).decode()
        data = body if isinstance(body, bytes) else json.dumps(body) if body is not None else ""
        found = Client().generic(
            method, f"/api/registry/{path}", data, content_type=HEADER, headers={"Authorization": f"Basic {word}"}
        )
        assert found["Content-Type"] == HEADER
        return found.status_code, json.loads(found.content)

    return send


@pytest.mark.django_db(transaction=True)
def test_the_client_of_confluent_registers_checks_and_fetches(live_server: LiveServer, acme: Workspace) -> None:
    options = {"url": f"{live_server.url}/api/registry", "basic.auth.user.info": f"kafka:{key_of(acme, ALL)}"}
    with SchemaRegistryClient(options) as client:
        _use(client)


def _use(client: SchemaRegistryClient) -> None:
    number = client.register_schema("shop.Orders-value", text(ONE))
    assert client.get_subjects() == ["shop.Orders-value"]
    assert json.loads(str(client.get_schema(number).schema_str)) == ONE
    assert client.register_schema("shop.Orders-value", text(ONE)) == number
    assert client.register_schema("copy", text(ONE)) == number
    assert client.test_compatibility("shop.Orders-value", text(TWO))
    assert not client.test_compatibility("shop.Orders-value", text(BROKEN))
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("shop.Orders-value", text(BROKEN))
    assert refused.value.http_status_code == 409
    assert "id: the new version requires “id”" in refused.value.error_message
    second = client.register_schema("shop.Orders-value", text(TWO))
    assert second != number
    assert client.get_versions("shop.Orders-value") == [1, 2]
    latest = client.get_latest_version("shop.Orders-value")
    assert (latest.version, latest.schema_id, latest.subject) == (2, second, "shop.Orders-value")
    assert client.lookup_schema("shop.Orders-value", text(ONE)).version == 1
    assert client.get_compatibility() == "BACKWARD"
    client.set_compatibility("shop.Orders-value", "NONE")
    assert client.get_compatibility("shop.Orders-value") == "NONE"
    client.register_schema("shop.Orders-value", text(BROKEN))
    assert client.delete_version("shop.Orders-value", 2) == 2
    assert client.get_versions("shop.Orders-value") == [1, 3, 4]
    assert client.delete_subject("copy") == [1]
    assert client.get_subjects() == ["shop.Orders-value"]
    with pytest.raises(SchemaRegistryError) as gone:
        client.get_latest_version("copy")
    assert (gone.value.http_status_code, gone.value.error_code) == (404, 40401)


ADDRESS = {"type": "object", "properties": {"zip": {"type": "string"}}}
ORDER = {"type": "object", "properties": {"to": {"$ref": "com/shop/address.json#"}, "id": {"type": "string"}}}
LOOSER = {"type": "object", "properties": {"zip": {"type": ["string", "integer"]}}}


def order_with(version: int, **more: Any) -> Schema:
    reference = SchemaReference("com/shop/address.json", "shop.Address", version)
    return Schema(json.dumps({**ORDER, **more}), "JSON", [reference])


@pytest.mark.django_db(transaction=True)
def test_the_client_of_confluent_uses_references(live_server: LiveServer, acme: Workspace) -> None:
    options = {"url": f"{live_server.url}/api/registry", "basic.auth.user.info": f"kafka:{key_of(acme, ALL)}"}
    with SchemaRegistryClient(options) as client:
        address = client.register_schema("shop.Address", text(ADDRESS))
        number = client.register_schema("orders", order_with(1))
        found = client.get_schema(number)
        assert json.loads(str(found.schema_str)) == ORDER
        assert [(one.name, one.subject, one.version) for one in found.references] == [
            ("com/shop/address.json", "shop.Address", 1)
        ]
        assert client.register_schema("orders", found) == number
        assert client.register_schema("orders", order_with(-1)) == number
        assert client.lookup_schema("orders", order_with(1)).schema_id == number
        client.register_schema("shop.Address", text(LOOSER))
        assert client.test_compatibility("orders", order_with(2))
        newer = client.register_schema("orders", order_with(2))
        assert newer not in {number, address}
        with pytest.raises(SchemaRegistryError) as refused:
            client.register_schema("orders", order_with(1, title="narrow again"))
        assert refused.value.http_status_code == 409
        assert refused.value.error_message.startswith("/schema/$defs/shop-address@1/properties/zip: to.zip: ")
        for deed in (lambda: client.delete_version("shop.Address", 1), lambda: client.delete_subject("shop.Address")):
            with pytest.raises(SchemaRegistryError) as held:
                deed()
            assert (held.value.http_status_code, held.value.error_code) == (422, 42206)
            assert "is referred to by orders@1" in held.value.error_message
        client.delete_subject("orders")
        assert client.delete_subject("shop.Address") == [1, 2]


def test_what_refers_to_a_version_and_what_the_product_wrote_itself(acme: Workspace, call: Call) -> None:
    apply_document(actor=SYSTEM, workspace=acme, content=schema_document(slug="address"))
    content = schema_document(slug="order", schema={"properties": {"to": {"$ref": "address"}}})
    apply_document(actor=SYSTEM, workspace=acme, content=content)
    status, found = call("GET", "subjects/order/versions/1")
    assert status == 200
    assert found["references"] == [{"name": "address@1", "subject": "address", "version": 1}]
    assert call("GET", "subjects/address/versions/1/referencedby") == (200, [found["id"]])
    assert "references" not in call("GET", "subjects/address/versions/1")[1]
    given = {key: found[key] for key in ("schema", "schemaType", "references")}
    assert call("POST", "subjects/order", given)[1]["id"] == found["id"]
    assert call("POST", "subjects/order/versions", given)[1]["version"] == 1
    unpinned = {"schemaType": "JSON", "schema": json.dumps({"properties": {"to": {"$ref": "address"}}})}
    assert call("POST", "subjects/order/versions", unpinned)[1]["version"] == 1


REFERENCES: list[tuple[Any, str]] = [
    ("address", "must be a list"),
    ([{}], "needs a name"),
    ([3], "needs a name"),
    ([{"name": "a#b", "subject": "s", "version": 1}], "before any #"),
    ([{"name": "a", "subject": "s", "version": True}], "needs the number of a version"),
    ([{"name": "a", "subject": "s", "version": "1"}], "needs the number of a version"),
    ([{"name": "a", "subject": "s", "version": 2**40}], "needs the number of a version"),
    ([{"name": "a", "subject": "s", "version": 1}], "there is no version 1 of the subject s"),
    ([{"name": "a", "subject": "orders", "version": 7}], "there is no version 7 of the subject orders"),
    ([{"name": "a", "subject": "orders", "version": 1}] * 101, "at most 100"),
    ([], "nothing is called 'x.json'"),
    ([{"name": "x.json", "subject": "orders", "version": 1}], "schemas go in a circle: orders → orders@1"),
]


@pytest.mark.parametrize(("references", "words"), REFERENCES)
@pytest.mark.parametrize("path", ["subjects/orders/versions", "compatibility/subjects/orders/versions"])
def test_references_that_lead_nowhere_are_42201(
    acme: Workspace, call: Call, path: str, references: Any, words: str
) -> None:
    call("POST", "subjects/orders/versions", {"schemaType": "JSON", "schema": json.dumps(ONE)})
    given = {"schemaType": "JSON", "schema": '{"$ref": "x.json"}', "references": references}
    status, told = call("POST", path, given)
    assert (status, told["error_code"]) == (422, 42201)
    assert words in told["message"]


@pytest.mark.django_db(transaction=True)
def test_where_a_review_is_required_a_client_is_told_and_registers_once_it_is_approved(
    live_server: LiveServer, acme: Workspace
) -> None:
    acme.settings = {"review_policy": {"schema": "steward"}}
    acme.save()
    options = {"url": f"{live_server.url}/api/registry", "basic.auth.user.info": f"kafka:{key_of(acme, ALL)}"}
    with SchemaRegistryClient(options) as client:
        for _again in range(2):
            with pytest.raises(SchemaRegistryError) as waiting:
                client.register_schema("orders", text(ONE))
            assert (waiting.value.http_status_code, waiting.value.error_code) == (422, 42290)
            assert "sent to review" in waiting.value.error_message
            assert "once it is approved" in waiting.value.error_message
        review = Review.objects.get()
        steward = make_actor(acme, "stella@shop.example", "steward")
        approve_review(actor=steward, review=review, shown=review.sha256)
        assert client.register_schema("orders", text(ONE)) == client.get_latest_version("orders").schema_id
        assert Review.objects.get().state == Review.State.PUBLISHED


REFUSED = [
    ("GET", "subjects/none/versions", None, 404, 40401),
    ("GET", "subjects/orders/versions/9", None, 404, 40402),
    ("GET", "subjects/orders/versions/x", None, 422, 42202),
    ("GET", "schemas/ids/999999", None, 404, 40403),
    ("POST", "subjects/orders", {"schemaType": "JSON", "schema": "{}"}, 404, 40403),
    ("POST", "subjects/orders/versions", {"schema": "{}"}, 422, 42201),
    ("POST", "subjects/orders/versions", {"schemaType": "JSON", "schema": "{"}, 422, 42201),
    ("POST", "subjects/orders/versions", {"schemaType": "JSON", "schema": '{"type": 5}'}, 422, 42201),
    ("POST", "subjects/orders/versions", {"schemaType": "JSON", "schema": "3"}, 422, 42201),
    ("POST", "subjects/orders/versions", b"[", 422, 42201),
    ("POST", "subjects/Orders/versions", {"schemaType": "JSON", "schema": "{}"}, 409, 409),
    ("POST", "subjects/%C3%A4%C3%B6/versions", {"schemaType": "JSON", "schema": "{}"}, 409, 409),
    ("PUT", "config/orders", {"compatibility": "SIDEWAYS"}, 422, 42203),
    ("GET", "config/orders", None, 404, 40408),
    ("PUT", "mode", {"mode": "IMPORT"}, 422, 42205),
    ("DELETE", "subjects/orders?permanent=true", None, 422, 42205),
    ("PATCH", "subjects", None, 405, 405),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), REFUSED)
def test_what_is_refused_has_the_codes_of_confluent(
    acme: Workspace, call: Call, method: str, path: str, body: Any, status: int, code: int
) -> None:
    call("POST", "subjects/orders/versions", {"schemaType": "JSON", "schema": json.dumps(ONE)})
    found, told = call(method, path, body)
    assert (found, told["error_code"]) == (status, code)
    assert told["message"]


def test_every_address_asks_for_a_key_and_its_permission(call: Call, acme: Workspace, globex: Workspace) -> None:
    call("POST", "subjects/orders/versions", {"schemaType": "JSON", "schema": json.dumps(ONE)})
    number = models.RegisteredSchema.objects.get().id
    stranger = key_of(globex, ALL)
    seen = 0
    for name, entry in get_resolver("ipaas.web.registry.urls").reverse_dict.items():
        if not isinstance(name, str):
            continue
        path = entry[0][0][0] % {"subject": "orders", "version": "1", "number": number}
        view = next(one.callback for one in get_resolver("ipaas.web.registry.urls").url_patterns if one.name == name)
        for method, permission in view.permissions.items():
            seen += 1
            assert call(method, path, {}, key="nobody")[0] == 401
            scopes = [one for one in ALL if one != permission]
            assert call(method, path, {}, scopes=scopes)[0] == 403, (method, path)
            if ("subjects/" in path or "ids/" in path or "config/" in path) and path.count("versions") < 1:
                assert call(method, path, {"schemaType": "JSON", "schema": "{}"}, key=stranger)[0] == 404
    assert seen > 20


def test_a_key_may_come_as_bearer_and_garbage_is_401(acme: Workspace) -> None:
    raw = key_of(acme, ["schemas.view"])
    for header, status in ((f"Bearer {raw}", 200), ("Basic ??", 401), ("", 401), (f"Bearer {raw}x", 401)):
        found = Client().get("/api/registry/subjects", headers={"Authorization": header})
        assert found.status_code == status
        assert status == 200 or found["WWW-Authenticate"].startswith("Basic")


def test_a_draft_of_a_person_is_not_written_over(acme: Workspace, call: Call) -> None:
    apply_document(actor=SYSTEM, workspace=acme, content=schema_document(slug="orders"))
    apply_document(actor=SYSTEM, workspace=acme, content=schema_document(slug="orders", title="New"), publish_it=False)
    status, told = call("POST", "subjects/orders/versions", {"schemaType": "JSON", "schema": json.dumps(ONE)})
    assert status == 409
    assert "has a draft that is not published" in told["message"]
    assert models.Schema.objects.get().draft["title"] == "New"


def test_modes_of_the_workspace_and_checks_in_words(acme: Workspace, call: Call) -> None:
    given = {"schemaType": "JSON", "schema": json.dumps(BROKEN)}
    assert call("PUT", "config", {"compatibility": "FULL_TRANSITIVE"}) == (200, {"compatibility": "FULL_TRANSITIVE"})
    assert call("GET", "config") == (200, {"compatibilityLevel": "FULL_TRANSITIVE"})
    call("POST", "subjects/orders/versions", {"schemaType": "JSON", "schema": json.dumps(ONE)})
    status, told = call("POST", "compatibility/subjects/orders/versions/latest?verbose=true", given)
    assert (status, told["is_compatible"]) == (200, False)
    assert told["messages"][0].startswith("id: the new version requires “id”")
    change_settings(workspace=acme, settings={"schema_compatibility": None}, actor=SYSTEM)
    assert call("GET", "config/orders?defaultToGlobal=true") == (200, {"compatibilityLevel": "BACKWARD"})


@pytest.mark.django_db(transaction=True)
def test_two_registrations_at_once_get_one_version_and_one_number(acme: Workspace, call: Call) -> None:
    key = key_of(acme, ALL)

    def register(schema: Any) -> Any:
        try:
            body = {"schemaType": "JSON", "schema": json.dumps(schema)}
            return call("POST", "subjects/orders/versions", body, key=key)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(register, [ONE, ONE, ONE, ONE]))
    assert {(status, told["version"]) for status, told in answers} == {(200, 1)}
    assert len({told["id"] for _status, told in answers}) == 1
    assert models.SchemaVersion.objects.count() == 1
