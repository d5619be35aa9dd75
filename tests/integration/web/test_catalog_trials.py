"""Operations tried out from a connection's page: what is shown, what needs to be meant, what is refused."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.catalog import gateway
from ipaas.catalog.gateway import ErrorInfo, GatewayOutcome
from ipaas.catalog.models import Connection
from ipaas.catalog.services import create_connection
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import ErrorClass
from tests.factories.descriptions import SOURCE
from tests.integration.web.conftest import VALUE, Browsers
from tests.integration.web.test_catalog import TRY, keep, text_of


@pytest.fixture
def builder(as_role: Browsers) -> Client:
    return as_role("builder")


@pytest.fixture
def post(workspace: Workspace, environment: Environment) -> Connection:
    keep(workspace, SOURCE)
    return create_connection(environment=environment, slug="post", connector="parcel-post", actor=SYSTEM)


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> list[GatewayOutcome]:
    """What the vendor is going to say; one answer is enough."""
    answers = [
        GatewayOutcome(
            kind="ok",
            status=201,
            duration_ms=12.0,
            request={
                "method": "POST",
                "path": "/v1/parcels",
                "query": {"dry": "yes & no", "password": "hunter23", "tag": ["a", "b"]},
                "headers": {"content-type": "application/json", "x-api-token": VALUE},
                "body": {"weight": 3, "note": f"it's {VALUE}", "password": "hunter22"},
            },
            response={"status": 201, "headers": {}, "body": {"id": "p-1", "echo": VALUE}},
        )
    ]
    monkeypatch.setattr(gateway, "run_to_end", lambda _make: answers[0])
    return answers


SENT = {"operation": "send_parcel", "params": json.dumps({"body": {"weight": 3}}), "effects": "yes"}


def test_what_was_sent_and_what_came_back_is_shown_without_secrets(
    builder: Client, post: Connection, secret: Any, vendor: list[GatewayOutcome]
) -> None:
    answer = builder.post(TRY, SENT)
    shown = text_of(answer)
    assert answer.status_code == 200
    assert "p-1" in shown
    assert VALUE not in shown
    assert "hunter22" not in shown
    assert "hunter23" not in shown
    assert "$TOKEN" in answer.context["trial"].curl
    entry = AuditEntry.objects.get(action="connection.operation_tried")
    assert entry.details == {"operation": "send_parcel", "effect": "unkeyed", "version": "1.0.0"}


def test_the_command_says_what_was_sent_to_a_shell(
    builder: Client, post: Connection, secret: Any, vendor: list[GatewayOutcome]
) -> None:
    import shlex

    words = shlex.split(builder.post(TRY, SENT).context["trial"].curl)
    address, _, query = words[3].partition("?")
    assert [*words[:3], address] == ["curl", "-X", "POST", "https://api.parcelpost.example/v1/v1/parcels"]
    (dry, masked, *tags) = parse_qsl(query)
    assert (dry, tags) == (("dry", "yes & no"), [("tag", "a"), ("tag", "b")])
    assert masked[1].startswith("‹redacted:")
    body = json.loads(words[words.index("--data-raw") + 1])
    assert body["weight"] == 3
    assert body["note"].startswith("it's ‹redacted:")


def test_an_effect_needs_to_be_meant(builder: Client, post: Connection, vendor: list[GatewayOutcome]) -> None:
    answer = builder.post(TRY, {**SENT, "effects": ""})
    assert answer.status_code == 422
    assert answer.context["trial"] is None
    assert not AuditEntry.objects.filter(action="connection.operation_tried").exists()


def test_an_operator_tries_what_changes_nothing_alone(
    as_role: Browsers, connection: Connection, post: Connection, vendor: list[GatewayOutcome]
) -> None:
    operator = as_role("operator")
    safe = "/w/acme/connections/in/production/payments/try/"
    given = {"operation": "get_charge", "params": json.dumps({"charge_id": "ch_1"})}
    assert operator.post(safe, given).status_code == 200
    assert operator.post(TRY, SENT).status_code == 403


@pytest.mark.parametrize("params", ["", "{", "[]", '"x"', "null", '{"body": {}}', '{"body": {"weight": "heavy"}}'])
def test_parameters_are_checked_before_anything_leaves(
    builder: Client, post: Connection, vendor: list[GatewayOutcome], params: str
) -> None:
    answer = builder.post(TRY, {**SENT, "params": params})
    assert (answer.status_code, answer.context["trial"]) == (422, None) or params == ""


def test_a_refusal_of_the_vendor_is_an_answer(builder: Client, post: Connection, vendor: list[GatewayOutcome]) -> None:
    error = ErrorInfo(ErrorClass.BUSINESS_REJECTION, "too_heavy", "The parcel is too heavy.", 422)
    vendor[0] = GatewayOutcome(kind="failed", status=422, error=error, duration_ms=3.0)
    shown = text_of(builder.post(TRY, SENT))
    assert "The parcel is too heavy." in shown
    assert "too_heavy" in shown


def test_nothing_goes_over_a_disabled_connection(
    builder: Client, post: Connection, vendor: list[GatewayOutcome]
) -> None:
    Connection.objects.filter(id=post.id).update(state="disabled")
    assert builder.post(TRY, SENT).status_code == 422
