"""The generated suite for the connector odoo, and what is its own: the login, and answers with status 200."""

from pathlib import Path

import pytest

from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass
from ipaas.core.jsonio import dumps, loads
from ipaas.sdk.connector import Connector
from ipaas.sdk.errors import ActionError, classify
from ipaas.sdk.loader import load_folder
from ipaas.sdk.testing import ConnectorSuite
from ipaas.sdk.tokens import TokenRefused, read_token, token_request
from ipaas.sdk.transports import HttpAnswer

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "odoo"


class TestOdoo(ConnectorSuite):
    folder = FOLDER


@pytest.fixture
def odoo() -> Connector:
    return load_folder(FOLDER)


def test_the_login_asks_for_the_number_of_the_user(odoo: Connector) -> None:
    scheme, fields = odoo.manifest.auth["user"], {"username": "bot@example.com", "api_key": "k"}
    asked = token_request(scheme, fields, "/jsonrpc", now=now(), config={"database": "prod"})
    wanted = {"service": "common", "method": "authenticate", "args": ["prod", "bot@example.com", "k", {}]}
    assert loads(asked.body)["params"] == wanted
    assert read_token(scheme, 200, {}, b'{"jsonrpc": "2.0", "id": 1, "result": 8}').value == "8"
    with pytest.raises(TokenRefused, match="holds no token"):
        read_token(scheme, 200, {}, b'{"jsonrpc": "2.0", "id": 1, "result": false}')


def test_the_shown_call_has_nothing_where_user_and_key_go(odoo: Connector) -> None:
    shown = odoo.preview("get_partner", {"id": 7}, {"database": "prod"}, None)
    assert shown.body["params"]["args"][:5] == ["prod", None, None, "res.partner", "read"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("odoo.exceptions.AccessError", ErrorClass.AUTH),
        ("odoo.exceptions.ValidationError", ErrorClass.BUSINESS_REJECTION),
        ("odoo.exceptions.MissingError", ErrorClass.NOT_FOUND),
        ("psycopg2.errors.SerializationFailure", ErrorClass.TRANSIENT),
        ("builtins.KeyError", ErrorClass.CONTRACT_VIOLATION),
    ],
)
def test_an_exception_is_told_by_its_name_and_did_nothing(odoo: Connector, name: str, wanted: ErrorClass) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "error": {"code": 200, "message": "Odoo Server Error",
            "data": {"name": name, "message": "Because.", "debug": "Traceback"}}}  # fmt: skip
    verdict = classify(200, {}, body, odoo.manifest.errors)
    assert verdict is not None
    assert (verdict.error_class, verdict.code, verdict.message) == (wanted, name, "Because.")
    assert verdict.applied is False


def test_a_record_that_nobody_has_is_not_found_although_the_answer_is_good(odoo: Connector) -> None:
    action = odoo.actions["get_partner"]
    request = action.build({"id": 9}, {"database": "prod"}, None)
    empty = HttpAnswer(200, {"content-type": "application/json"}, dumps({"jsonrpc": "2.0", "id": 1, "result": []}))
    with pytest.raises(ActionError) as caught:
        action.read(request, empty)
    assert caught.value.error_class is ErrorClass.NOT_FOUND
