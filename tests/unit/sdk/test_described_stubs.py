"""Stand-ins made of a vendor's description: they check, keep, answer as described, and survive a restart."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import zstandard

from ipaas.core import jsonio
from ipaas.core.errors import InvalidInput
from ipaas.sdk.connector import Connector
from ipaas.sdk.errors import ActionError
from ipaas.sdk.openapi import import_openapi
from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.stubs.bodies import form_tree, read_multipart
from ipaas.sdk.stubs.http import StubAnswer, StubRequest
from ipaas.sdk.stubs.kept import described_stub
from ipaas.sdk.stubs.server import StubServer
from ipaas.sdk.transports import HttpAnswer

NAME = "acme.parcel-post"
PARCEL = {
    "type": "object",
    "required": ["id", "weight"],
    "properties": {
        "id": {"type": "string", "example": "prc_1"},
        "weight": {"type": "integer", "minimum": 1},
        "to": {"type": "string", "enum": ["DE", "AT"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "created_at": {"type": "string", "format": "date-time"},
    },
}
NEW = {
    "type": "object",
    "additionalProperties": False,
    "required": ["weight"],
    "properties": {
        "weight": {"type": "integer", "minimum": 1},
        "to": {"type": "string", "enum": ["DE", "AT"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
PROBLEM = {
    "type": "object",
    "properties": {
        "fault": {"type": "object", "properties": {"code": {"type": "integer"}, "message": {"type": "string"}}}
    },
}


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def told(schema: Any, kind: str = "application/json", **more: Any) -> dict[str, Any]:
    return {"description": "", "content": {kind: {"schema": schema, **more}}}


def place(name: str, where: str = "path", **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": schema or {"type": "string"}}


BAD = {"400": told(ref("Problem"), example={"fault": {"code": 400, "message": "weight is missing"}})}
PAGE = {
    "type": "object",
    "properties": {
        "parcels": {"type": "array", "items": ref("Parcel")},
        "next_cursor": {"type": "string"},
        "has_more": {"type": "boolean"},
        "total": {"type": "integer"},
    },
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Parcel Post", "version": "1"},
    "servers": [{"url": "https://api.parcelpost.example/v1"}],
    "paths": {
        "/parcels": {
            "get": {
                "operationId": "listParcels",
                "parameters": [
                    {**place("state", "query", type="array", items={"type": "string"}), "explode": False},
                    place("limit", "query", type="integer", maximum=100),
                    place("cursor", "query"),
                    place("filter", "query", type="object", properties={"heavy": {"type": "boolean"}})
                    | {"style": "deepObject"},
                ],
                "responses": {"200": told(PAGE)},
            },
            "post": {
                "operationId": "sendParcel",
                "parameters": [place("Idempotency-Key", "header")],
                "requestBody": {"required": True, **told(ref("New"))},
                "responses": {"201": told(ref("Parcel")), **BAD},
            },
        },
        "/parcels/{parcel_id}": {
            "parameters": [place("parcel_id", example="prc_1", type="string")],
            "get": {"operationId": "getParcel", "responses": {"200": told(ref("Parcel")), "404": told(ref("Problem"))}},
            "patch": {
                "operationId": "changeParcel",
                "requestBody": told(ref("New") | {}),
                "responses": {"200": told(ref("Parcel"))},
            },
            "delete": {"operationId": "dropParcel", "responses": {"204": {"description": ""}}},
        },
        "/parcels/{parcel_id}/cancel": {
            "parameters": [place("parcel_id")],
            "post": {"operationId": "cancelParcel", "responses": {"200": told(ref("Parcel"))}},
        },
        "/parcels/{parcel_id}/events": {
            "parameters": [place("parcel_id")],
            "get": {
                "operationId": "listEvents",
                "responses": {"200": told({"type": "array", "items": ref("Event")})},
            },
            "post": {
                "operationId": "addEvent",
                "requestBody": told(ref("Event"), "application/x-www-form-urlencoded"),
                "responses": {"200": told({"type": "object", "properties": {"event": ref("Event")}})},
            },
        },
        "/labels": {
            "post": {
                "operationId": "uploadLabel",
                "requestBody": {
                    "required": True,
                    **told(
                        {
                            "type": "object",
                            "required": ["file"],
                            "properties": {
                                "file": {"type": "string", "format": "binary"},
                                "copies": {"type": "integer"},
                            },
                        },
                        "multipart/form-data",
                    ),
                },
                "responses": {"202": told({"type": "object", "properties": {"ok": {"type": "boolean"}}})},
            }
        },
        "/parcels/search": {
            "get": {
                "operationId": "search",
                "responses": {
                    "200": told({"type": "object", "properties": {"hits": {"type": "integer", "example": 7}}})
                },
            }
        },
    },
    "components": {
        "schemas": {
            "Parcel": PARCEL,
            "New": NEW,
            "Problem": PROBLEM,
            "Event": {
                "type": "object",
                "required": ["id", "at"],
                "properties": {"id": {"type": "integer"}, "at": {"type": "string"}, "final": {"type": "boolean"}},
            },
        },
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    },
}
IMPORTED = import_openapi(jsonio.dumps(DOCUMENT), slug="parcel-post")
PACKED = zstandard.compress(jsonio.dumps(IMPORTED.document))
CONNECTOR = Connector(IMPORTED.manifest)


class Vendor:
    """A stand-in server without its sockets."""

    def __init__(self, folder: Path) -> None:
        async def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
            raise AssertionError

        self.server = StubServer([], ledger=folder / "ledger.jsonl", token="t", post=post, kept=folder / "kept")

    def call(self, method: str, path: str, value: Any = None, query: Any = (), **headers: str) -> tuple[int, Any]:
        body = b"" if value is None else value if isinstance(value, bytes) else jsonio.dumps(value)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        answer = self.send(method, path, urlencode(query), {"authorization": "Bearer x", **named}, body)
        return answer.status, json.loads(answer.body) if answer.body else None

    def send(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> StubAnswer:
        last = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        answer = self.server.handle(StubRequest(method, f"/{NAME}{path}", last, headers, body, query))
        assert isinstance(answer, StubAnswer)
        return answer

    def built(self, request: BuiltRequest) -> StubAnswer:
        headers = {"authorization": "Bearer x", **request.headers}
        return self.send(request.method, request.path, urlencode(request.query), headers, request.body)


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    one = Vendor(tmp_path)
    one.server.install(one.server.kept.keep(NAME, PACKED))
    yield one
    one.server.ledger.close()


def test_the_shape_of_the_paths_says_what_each_operation_does() -> None:
    found = {name: (one["do"], one.get("entity")) for name, one in IMPORTED.document["stub"]["operations"].items()}
    assert found == {
        "list_parcels": ("list", "parcels"),
        "send_parcel": ("create", "parcels"),
        "get_parcel": ("read", "parcels"),
        "change_parcel": ("update", "parcels"),
        "drop_parcel": ("delete", "parcels"),
        "cancel_parcel": ("update", "parcels"),
        "list_events": ("list", "events"),
        "add_event": ("create", "events"),
        "upload_label": ("record", None),
        "search": ("answer", None),
    }


def test_what_is_created_is_read_listed_changed_and_deleted(vendor: Vendor) -> None:
    status, made = vendor.call("POST", "/parcels", {"weight": 3, "to": "AT"})
    assert status == 201
    assert (made["weight"], made["to"]) == (3, "AT")
    assert made["created_at"].endswith("Z")
    where = f"/parcels/{made['id']}"
    assert vendor.call("GET", where) == (200, made)
    assert vendor.call("PATCH", where, {"weight": 4})[1]["weight"] == 4
    assert vendor.call("POST", f"{where}/cancel", {})[1]["id"] == made["id"]
    _, page = vendor.call("GET", "/parcels")
    assert [one["weight"] for one in page["parcels"]][-1] == 4
    assert page["total"] == len(page["parcels"])
    assert ("next_cursor" in page, page["has_more"]) == (False, False)
    assert vendor.call("DELETE", where) == (204, None)
    assert vendor.call("GET", where)[0] == 404


def test_a_long_list_is_followed_to_its_end(vendor: Vendor) -> None:
    for number in range(4):
        vendor.call("POST", "/parcels", {"weight": number + 1})
    found, query = [], {"limit": "2"}
    while True:
        _, page = vendor.call("GET", "/parcels", query=query)
        found += [one["id"] for one in page["parcels"]]
        if "next_cursor" not in page:
            break
        query = {"limit": "2", "cursor": page["next_cursor"]}
    assert len(found) == len(set(found)) == 5
    assert vendor.call("GET", "/parcels", query={"cursor": "odd"})[0] == 400


def test_collections_nest(vendor: Vendor) -> None:
    kind = "application/x-www-form-urlencoded"
    body = b"id=7&at=Wien&final=true"
    assert vendor.call("POST", "/parcels/a/events", body, content_type=kind)[1]["event"]["at"] == "Wien"
    assert [one["at"] for one in vendor.call("GET", "/parcels/a/events")[1]] == ["Wien"]
    assert vendor.call("GET", "/parcels/b/events")[1] == []


def test_the_example_of_the_description_is_there_from_the_start(vendor: Vendor) -> None:
    assert vendor.call("GET", "/parcels/prc_1")[1]["id"] == "prc_1"
    assert vendor.call("GET", "/parcels/prc_2")[0] == 404
    assert [one["id"] for one in vendor.call("GET", "/parcels")[1]["parcels"]] == ["prc_1"]


def test_the_most_literal_path_wins(vendor: Vendor) -> None:
    assert vendor.call("GET", "/parcels/search") == (200, {"hits": 7})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b'{"to":"DE"}', "weight"),
        (b'{"weight":0}', "weight"),
        (b'{"weight":1,"to":"FR"}', "to"),
        (b'{"weight":1,"colour":"red"}', "colour"),
        (b"", "body"),
    ],
)
def test_what_does_not_fit_is_refused_in_the_vendors_own_form(vendor: Vendor, body: bytes, said: str) -> None:
    answer = vendor.send("POST", "/parcels", "", {"authorization": "x", "content-type": "application/json"}, body)
    found = json.loads(answer.body)["fault"]
    assert (answer.status, found["code"]) == (400, 400)
    assert said in found["message"]
    assert vendor.server.ledger.find({}, scope="acme") == []


def test_what_is_missing_has_the_vendors_form_too(vendor: Vendor) -> None:
    status, body = vendor.call("GET", "/parcels/nobody")
    assert (status, set(body["fault"])) == (404, {"code", "message"})
    assert vendor.send("GET", "/parcels", "", {}, b"").status == 401


def test_parameters_are_checked_in_their_own_style(vendor: Vendor) -> None:
    for query, status in (
        ({"limit": "5", "state": "a,b", "filter[heavy]": "true"}, 200),
        ({"limit": "many"}, 400),
        ({"limit": "1000"}, 400),
        ({"filter[heavy]": "perhaps"}, 400),
    ):
        assert vendor.call("GET", "/parcels", query=query)[0] == status, query


def test_files_arrive_and_stay_out_of_the_ledger(vendor: Vendor) -> None:
    action = CONNECTOR.actions["upload_label"]
    file = {"filename": "l.pdf", "content_type": "application/pdf", "base64": "QUJDREVG"}
    request = action.build(action.checked_params({"body": {"file": file, "copies": 2}}), {}, None)
    assert vendor.built(request).status == 202
    assert vendor.server.ledger.find({}, scope="acme")[0]["body"] == {
        "file": {"filename": "l.pdf", "content_type": "application/pdf", "bytes": 6},
        "copies": "2",
    }
    wrong = vendor.call("POST", "/labels", b"copies=2", content_type="multipart/form-data; boundary=x")
    assert wrong[0] == 400


@pytest.mark.parametrize("name", list(IMPORTED.manifest.actions))
def test_every_operation_takes_its_example_and_answers_as_described(vendor: Vendor, name: str) -> None:
    action = CONNECTOR.actions[name]
    given = dict(action.spec.params_example) | ({"parcel_id": "prc_1"} if "parcel_id" in action.spec.path else {})
    request = action.build(action.checked_params(given), {}, "key-1")
    answer = vendor.built(request)
    assert answer.status < 300, answer.body
    found = action.read(request, HttpAnswer(answer.status, {"content-type": "application/json"}, answer.body))
    assert vendor.server.vendors[NAME]._described[name].fits(found.data)  # type: ignore[attr-defined]


def test_a_key_makes_one_effect_and_the_ledger_says_so(vendor: Vendor) -> None:
    first = vendor.call("POST", "/parcels", {"weight": 3}, idempotency_key="k1")
    assert vendor.call("POST", "/parcels", {"weight": 3}, idempotency_key="k1") == first
    assert vendor.call("POST", "/parcels", {"weight": 9}, idempotency_key="k1")[0] == 409
    lines = vendor.server.ledger.find({"vendor": NAME}, scope="acme")
    assert [(line["action"], line["outcome"], line["key"]) for line in lines] == [
        ("send_parcel", "effect", "k1"),
        ("send_parcel", "replay", "k1"),
    ]


def test_faults_are_scripted_like_those_of_others(vendor: Vendor) -> None:
    script = {"vendor": NAME, "action": "send_parcel", "kind": "status", "status": 503, "times": 1}
    vendor.server.faults.add(script, actions=vendor.server.actions)
    assert [vendor.call("POST", "/parcels", {"weight": 3})[0] for _ in range(2)] == [503, 201]


def test_a_restart_finds_it_with_its_state(vendor: Vendor, tmp_path: Path) -> None:
    _, made = vendor.call("POST", "/parcels", {"weight": 3})
    vendor.call("DELETE", "/parcels/prc_1")
    again = Vendor(tmp_path)
    assert again.call("GET", f"/parcels/{made['id']}") == (200, made)
    assert again.call("GET", "/parcels/prc_1")[0] == 404
    assert again.call("POST", "/parcels", {"weight": 1})[1]["id"] != made["id"]
    again.server.ledger.close()


def test_what_is_taken_away_leaves_nothing_behind(vendor: Vendor, tmp_path: Path) -> None:
    vendor.call("POST", "/parcels", {"weight": 3})
    assert vendor.server.remove(NAME)
    assert not vendor.server.remove(NAME)
    assert vendor.call("GET", "/parcels")[1]["error"]["code"] == "no_such_vendor"
    assert list((tmp_path / "kept").iterdir()) == []
    assert vendor.server.ledger.find({}, scope="acme") == []


def test_a_reset_spares_those_of_others(vendor: Vendor) -> None:
    vendor.call("POST", "/parcels", {"weight": 3})
    vendor.server.reset("globex")
    assert len(vendor.server.ledger.find({}, scope="acme")) == 1
    assert vendor.server.ledger.find({}, scope="globex") == []
    vendor.server.reset("acme")
    assert vendor.server.ledger.find({}, scope="acme") == []
    assert [one["id"] for one in vendor.call("GET", "/parcels")[1]["parcels"]] == ["prc_1"]


@pytest.mark.parametrize("name", ["parcel-post", "../x.y", "acme.", "acme.../../etc", "a.b.c", ""])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        described_stub(name, PACKED)


@pytest.mark.parametrize("packed", [b"", b"{}", zstandard.compress(b"{"), zstandard.compress(b"[]")])
def test_what_is_no_manifest_is_refused(packed: bytes) -> None:
    with pytest.raises(InvalidInput):
        described_stub(NAME, packed)


def test_forms_with_brackets_are_trees() -> None:
    pairs = [("a[b]", "1"), ("c", "2"), ("c", "3"), ("d[0][e]", "4"), ("d[1][e]", "5"), ("a[b][x]", "6")]
    assert form_tree(pairs) == {"a": {"b": "1"}, "c": ["2", "3"], "d": [{"e": "4"}, {"e": "5"}]}
    assert read_multipart("multipart/form-data", b"") is None


SDL = b"""
type Query { order(id: ID!): Order  orders(first: Int): [Order!]! }
type Mutation { createOrder(input: NewOrder!): Order! }
input NewOrder { sku: String!, count: Int! }
type Order { id: ID!, total: Float, sku: String }
"""


@pytest.mark.parametrize(
    ("name", "params", "good"),
    [
        ("order", {"id": "1"}, True),
        ("orders", {"first": 2}, True),
        ("create_order", {"input": {"sku": "A", "count": 2}}, True),
        ("create_order", {"input": {"sku": "A", "count": "two"}}, False),
    ],
)
def test_operations_of_graphql_share_a_path_and_are_told_apart(
    tmp_path: Path, name: str, params: dict[str, Any], good: bool
) -> None:
    made = import_openapi(SDL, slug="parcel-post")
    vendor = Vendor(tmp_path)
    vendor.server.install(vendor.server.kept.keep(NAME, zstandard.compress(jsonio.dumps(made.document))))
    action = Connector(made.manifest).actions[name]
    request = action.build(params, {}, None)
    answer = vendor.built(request)
    found = HttpAnswer(answer.status, {"content-type": "application/json"}, answer.body)
    vendor.server.ledger.close()
    assert answer.status == 200
    if good:
        data = action.read(request, found).data
        assert (data[0] if isinstance(data, list) else data).keys() == {"id", "total", "sku"}
    else:
        with pytest.raises(ActionError) as caught:
            action.read(request, found)
        assert caught.value.error_class == "contract_violation"
