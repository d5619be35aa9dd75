"""What holds for every address: who may ask, what is taken, how errors look."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, KeptAnswer, Workspace
from ipaas.accounts.services import create_api_key
from ipaas.core.actor import SYSTEM
from ipaas.runtime.models import Run
from tests.integration.api.conftest import SIMPLE, Api

pytestmark = pytest.mark.django_db


def problem(answer: Any, status: int, code: str) -> Any:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.content
    body = json.loads(answer.content)
    assert body["code"] == code, body
    assert body["status"] == status
    return body


def test_nobody_gets_in_without_a_key_or_a_session() -> None:
    answer = Client().get("/api/v1/flows")
    problem(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer ipk_0_0", "Bearer", "Basic YTpi", "Bearer \x7f", "Bearer " + "x" * 5000])
def test_a_header_that_is_no_live_key_is_refused(header: str) -> None:
    assert Client().get("/api/v1/me", headers={"Authorization": header}).status_code == 401


def test_a_key_does_what_its_scopes_say(acme: Workspace) -> None:
    made = create_api_key(workspace=acme, name="ci", scopes=["flows.view"], actor=SYSTEM)
    api = Api(Client(enforce_csrf_checks=True), Authorization=f"Bearer {made.raw}")
    assert json.loads(api.get("me").content)["permissions"] == ["flows.view"]
    assert api.get("flows").status_code == 200
    problem(api.get("runs"), 403, "permission_denied")
    problem(api.post("flows", {"content": SIMPLE}), 403, "permission_denied")


def test_a_session_needs_its_csrf_token(alice: Api) -> None:
    guarded = Client(enforce_csrf_checks=True)
    guarded.cookies = alice.client.cookies
    answer = guarded.post("/api/v1/flows", json.dumps({"content": SIMPLE}), content_type="application/json")
    problem(answer, 403, "permission_denied")


def test_a_workspace_of_others_is_like_a_missing_one(alice: Api, globex: Workspace) -> None:
    foreign = problem(alice.get("me", **{"X-Workspace": globex.slug}), 404, "not_found")
    missing = problem(alice.get("me", **{"X-Workspace": "nowhere"}), 404, "not_found")
    same = {"trace_id": "", "request_id": ""}
    assert foreign | same == missing | same


def test_an_unknown_address_and_a_wrong_verb_are_problems(alice: Api) -> None:
    problem(alice.get("nowhere/at/all"), 404, "not_found")
    problem(alice.call("DELETE", "flows"), 405, "method_not_allowed")
    problem(alice.call("OPTIONS", "flows"), 405, "method_not_allowed")


def test_a_request_id_is_given_back_or_made(alice: Api) -> None:
    assert alice.get("me", **{"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    made = alice.get("me", **{"X-Request-ID": "a b"}).headers["X-Request-ID"]
    assert made != "a b"
    assert len(made) == 32


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "json.syntax"),
        ("", 422, "invalid_input"),
        ('{"text": "a", "text": "b"}', 400, "json.duplicate_key"),
        ('{"content": NaN}', 400, "json.number"),
        ('{"content": 1e999}', 400, "json.number"),
        ("[" * 100_000, 400, "json.too_deep"),
        ('{"text": "\\u0000"}', 400, "json.encoding"),
        ('{"text": "\\ud800"}', 400, "json.encoding"),
        (b"\xff\xfe", 400, "json.encoding"),
        ("[]", 422, "invalid_input"),
        ("null", 422, "invalid_input"),
        ('"text"', 422, "invalid_input"),
        ("{}", 422, "invalid_input"),
        ('{"text": 1, "colour": "red"}', 422, "invalid_input"),
        ('{"text": "a: [", "content": null}', 422, "invalid_input"),
        ('{"content": []}', 422, "invalid_input"),
        ('{"content": {"kind": "colour"}}', 422, "invalid_input"),
        ('{"content": {"kind": ["flow"]}}', 422, "invalid_input"),
        ('{"text": "' + "x" * 2_100_000 + '"}', 413, "too_large"),
    ],
)
@pytest.mark.parametrize("address", ["flows", "documents/apply", "documents/validate"])
def test_bad_input_is_named(alice: Api, body: str | bytes, status: int, code: str, address: str) -> None:
    answer = alice.post(address, body)
    problem(answer, status, code)


def test_unknown_fields_are_refused_by_name(alice: Api) -> None:
    body = problem(alice.post("flows", {"content": SIMPLE, "workspace_id": "x"}), 422, "invalid_input")
    assert body["errors"] == [{"path": "/workspace_id", "code": "field.unknown", "message": "there is no such field"}]


def test_another_content_type_is_refused(alice: Api) -> None:
    answer = alice.client.post("/api/v1/flows", {"content": "x"})
    problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=201", "limit=x", "limit=²", "cursor=!", "cursor=YQ", "colour=red", "status=odd"),
        *("status=dead&status=dead", "since=yesterday", "flow=%00", "business_id=%00", "flow=" + "x" * 300),
    ],
)
def test_a_bad_query_is_refused(alice: Api, query: str) -> None:
    assert alice.get(f"runs?{query}").status_code == 422


@pytest.mark.parametrize("address", ["audit/entries", "audit/export"])
@pytest.mark.parametrize(
    "query",
    [
        *("who=%00", "action=%00", "flow=%00", "outcome=" + "x" * 501, "subject_id=a%00b"),
        *("since=0001-01-01T00:00:00%2B14:00", "until=9999-12-31T23:59:59-14:00", "since=2030-01-01", "colour=red"),
    ],
)
def test_a_bad_filter_of_the_audit_trail_is_refused_before_anything_is_sent(
    person: Callable[..., Api], acme: Workspace, address: str, query: str
) -> None:
    problem(person(acme, "ada", "admin", "auditor").get(f"{address}?{query}"), 422, "invalid_input")


@pytest.mark.parametrize(
    "query", ["since=0001-01-01T00:00:00Z", "until=9999-12-31T23:59:59Z", "business_id=%F0%9F%92%A9"]
)
def test_extreme_values_find_nothing(alice: Api, query: str) -> None:
    assert json.loads(alice.get(f"runs?{query}").content) == {"items": [], "next_cursor": None}


def test_pages_follow_each_other_without_gap_or_repetition(alice: Api, acme: Workspace) -> None:
    for number in range(5):
        Environment.objects.create(workspace=acme, slug=f"e{number}", name="E")
    seen, cursor = [], ""
    for _ in range(3):
        page = json.loads(alice.get(f"environments?limit=2{cursor}").content)
        seen += [row["slug"] for row in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["e4", "e3", "e2", "e1", "e0"]
    assert page["next_cursor"] is None


@pytest.mark.usefixtures("deployed")
class TestIdempotency:
    BODY = {"environment": "production", "body": {"id": "o-1"}}

    def test_the_same_request_starts_one_run_and_gets_one_answer(self, alice: Api) -> None:
        first = alice.post("flows/orders/trigger", self.BODY, **{"Idempotency-Key": "k1"})
        again = alice.post("flows/orders/trigger", self.BODY, **{"Idempotency-Key": "k1"})
        assert (first.status_code, again.status_code) == (202, 202)
        assert json.loads(first.content) == json.loads(again.content)
        assert "Idempotency-Replayed" not in first.headers
        assert again.headers["Idempotency-Replayed"] == "true"
        assert Run.objects.count() == 1

    def test_another_body_with_the_same_key_is_refused(self, alice: Api) -> None:
        alice.post("flows/orders/trigger", self.BODY, **{"Idempotency-Key": "k1"})
        other = {**self.BODY, "body": {"id": "o-2"}}
        problem(alice.post("flows/orders/trigger", other, **{"Idempotency-Key": "k1"}), 422, "idempotency.reused")
        assert Run.objects.count() == 1

    def test_a_key_belongs_to_its_caller_and_its_address(self, alice: Api, acme: Workspace) -> None:
        made = create_api_key(workspace=acme, name="ci", scopes=["flows.trigger"], actor=SYSTEM)
        machine = Api(Client(), Authorization=f"Bearer {made.raw}")
        for api in (alice, machine):
            assert api.post("flows/orders/trigger", self.BODY, **{"Idempotency-Key": "k1"}).status_code == 202
        assert Run.objects.count() == 2

    def test_a_refused_request_may_be_repeated_with_its_key(self, alice: Api) -> None:
        alice.post("flows/orders/pause", {"reason": "stocktaking"})
        problem(alice.post("flows/orders/trigger", self.BODY, **{"Idempotency-Key": "k"}), 409, "flow_not_runnable")
        assert not KeptAnswer.objects.exists()
        alice.post("flows/orders/resume", {})
        assert alice.post("flows/orders/trigger", self.BODY, **{"Idempotency-Key": "k"}).status_code == 202

    @pytest.mark.parametrize("key", ["", "a b", "x" * 201, "ä"])
    def test_a_malformed_key_is_refused(self, alice: Api, key: str) -> None:
        problem(alice.post("flows/orders/trigger", self.BODY, **{"Idempotency-Key": key}), 422, "invalid_input")


def test_the_description_is_openapi_3_1_and_complete(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(client.get("/api/v1/schema", headers={"Accept": "application/json"}).content)
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/flows/{slug}/trigger" in document["paths"]
    assert set(document["components"]["securitySchemes"]) == {"apiKey", "session"}
    assert capsys.readouterr().err == ""
