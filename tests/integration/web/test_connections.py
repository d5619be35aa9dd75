"""Pages of connections: who sees and does what, forms made from manifests, deeds and their refusals."""

from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.accounts.roles import ROLES
from ipaas.audit.models import AuditEntry
from ipaas.catalog.gateway import ErrorInfo, GatewayOutcome
from ipaas.catalog.models import Connection
from ipaas.core import providers
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import ErrorClass
from ipaas.core.ids import uuid7
from ipaas.flows.models import Deployment, Flow, FlowVersion
from ipaas.flows.usage import connection_uses, connections_in
from ipaas.vault.services import create_secret
from tests.integration.web.conftest import VALUE, Browsers

LIST = "/w/acme/connections/"
ONE = "/w/acme/connections/in/production/payments/"
PAGES = {LIST: "connections.view", ONE: "connections.view", f"{ONE}edit/": "connections.edit",
         f"{LIST}new/": "connections.edit", f"{LIST}new/payments/": "connections.edit"}  # fmt: skip
DEEDS = {f"{ONE}test/": "connections.test", f"{ONE}switch/": "connections.edit",
         f"{ONE}breaker/": "connections.force_breaker", f"{ONE}delete/": "connections.edit"}  # fmt: skip
FILLED = {
    "title": "Payments", "base_url": "https://api.kestrelpay.example", "auth_scheme": "api-key", "secret": "pay-key"
}  # fmt: skip


@pytest.fixture
def admin(as_role: Browsers, connection: Connection) -> Client:
    return as_role("admin")


def fresh(connection: Connection) -> Connection:
    return Connection.objects.get(id=connection.id)


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_page_is_for_those_with_its_permission(
    as_role: Browsers, connection: Connection, role: str, url: str
) -> None:
    answer = as_role(role).get(url)

    assert answer.status_code == (200 if PAGES[url] in ROLES[role] else 403)
    assert VALUE not in answer.content.decode()


def test_a_connector_is_found_by_word_and_by_category_before_it_is_connected(admin: Client) -> None:
    def titles(query: str) -> list[str]:
        return [row["title"] for row in admin.get(f"{LIST}new/{query}").context["choices"]]

    assert "Kestrel Pay" in titles("?q=refund")
    assert titles("?q=code+hosting") == titles("?category=code-hosting") == ["GitHub", "GitLab"]
    assert "No connector matches" in admin.get(f"{LIST}new/?q=nothing-of-the-kind").content.decode()


@pytest.mark.parametrize("url", DEEDS)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_deed_is_for_those_with_its_permission(
    as_role: Browsers, connection: Connection, role: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipaas.catalog.services.test_connection", lambda **_: None)

    browser = as_role(role)

    assert browser.post(url).status_code == (302 if DEEDS[url] in ROLES[role] else 403)
    assert browser.get(url).status_code == 405


@pytest.mark.parametrize("url", [*PAGES, *DEEDS])
def test_a_stranger_finds_nothing(stranger: Client, connection: Connection, url: str) -> None:
    foreign = url.replace("/w/acme/connections/in/", "/w/globex/connections/in/")
    method = stranger.post if url in DEEDS else stranger.get

    assert method(url).status_code == 404
    if foreign != url:
        assert method(foreign).status_code == 404


def test_without_signing_in_the_way_is_to_the_sign_in_page(connection: Connection) -> None:
    assert Client().get(ONE).headers["Location"].startswith("/accounts/login/?next=/w/acme/connections/in/")


def test_the_list_says_how_each_connection_is(admin: Client, connection: Connection) -> None:
    text = admin.get(LIST).content.decode()

    assert "Kestrel Pay" in text
    assert "Not used yet" in text
    assert "Breaker closed" in text


def test_the_live_list_is_sent_again_only_when_it_changed(admin: Client) -> None:
    htmx = {"HX-Request": "true"}
    first = admin.get(LIST)
    version = first.context["version"]

    assert admin.get(f"{LIST}?v={version}", headers=htmx).status_code == 204
    assert admin.get(f"{LIST}?v=other", headers=htmx).status_code == 200


def test_the_list_shows_the_chosen_environment_alone(admin: Client, connection: Connection) -> None:
    Environment.objects.create(workspace=connection.workspace, slug="staging", name="Staging", position=9)

    assert "Kestrel Pay" in admin.get(LIST).content.decode()  # production, until another one is chosen
    admin.post("/w/acme/environment/", {"environment": "staging"})
    assert "Kestrel Pay" not in admin.get(LIST).content.decode()
    admin.post("/w/acme/environment/", {"environment": "production"})
    assert "Kestrel Pay" in admin.get(LIST).content.decode()


@pytest.mark.parametrize("text", ["\x00", "%", "' OR 1=1", "🜁" * 300])
def test_any_search_is_answered(admin: Client, text: str) -> None:
    assert admin.get(LIST, {"q": text}).status_code == 200


def test_the_page_says_where_each_policy_value_comes_from(admin: Client, connection: Connection) -> None:
    Connection.objects.filter(id=connection.id).update(policy={"timeout_s": 7})
    rows = {row["name"]: (row["value"], row["origin"]) for row in admin.get(ONE).context["policies"]}

    assert rows["timeout_s"] == ("7", "this connection")
    assert rows["rate.per_second"] == ("100", "connector")
    assert rows["retry.max_attempts"] == ("5", "platform")


def test_a_connection_of_a_missing_connector_is_shown_and_explained(admin: Client, connection: Connection) -> None:
    Connection.objects.filter(id=connection.id).update(connector="gone")

    assert "not installed" in admin.get(ONE).content.decode()
    assert admin.get(LIST).status_code == 200
    assert admin.get(f"{ONE}edit/").status_code == 422
    assert admin.post(f"{ONE}test/").status_code == 302


@pytest.mark.parametrize("connector", ["payments", "http", "postgres", "smtp", "webhook", "storefront"])
def test_every_connector_has_a_form(admin: Client, connector: str) -> None:
    assert admin.get(f"{LIST}new/{connector}/").status_code == 200


def test_an_unknown_connector_is_said_to_be_missing(admin: Client) -> None:
    answer = admin.get(f"{LIST}new/nothing/")

    assert answer.status_code == 422
    assert "not installed" in answer.content.decode()


def test_a_connection_is_made_from_the_form(admin: Client) -> None:
    filled = {
        **FILLED, "slug": "payments-eu", "config__mode": "lookup", "policy__timeout_s": "12.5",
        "policy__breaker": "off", "policy__concurrency": "off", "policy__retry__max_attempts": "3",
        "policy__capture__request": "false",
    }  # fmt: skip
    answer = admin.post(f"{LIST}new/payments/", filled)
    made = Connection.objects.get(slug="payments-eu")

    assert answer.headers["Location"] == "/w/acme/connections/in/production/payments-eu/"
    assert made.config == {"mode": "lookup"}
    assert made.policy == {
        "timeout_s": 12.5, "breaker": None, "concurrency": None, "retry": {"max_attempts": 3},
        "capture": {"request": False},
    }  # fmt: skip
    assert AuditEntry.objects.filter(action="connection.created", subject_label="payments-eu").exists()


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"slug": "Not A Slug"}, "slug", "lower-case"),
        ({"slug": "payments"}, None, "already"),
        ({"slug": ""}, "slug", "required"),
        ({"slug": "x\x00"}, "slug", "Null"),
        ({"base_url": "http://127.0.0.1:80"}, "base_url", "127.0.0.1"),
        ({"base_url": "http://[::1"}, "base_url", ""),
        ({"base_url": "ftp://vendor.example"}, "base_url", ""),
        ({"auth_scheme": "none-such"}, "auth_scheme", "valid choice"),
        ({"secret": "other"}, "secret", "valid choice"),
        ({"config__mode": "maybe"}, "config__mode", "valid choice"),
        ({"policy__timeout_s": "nan"}, "policy__timeout_s", "number"),
        ({"policy__timeout_s": "-1"}, "policy__timeout_s", "minimum"),
        ({"policy__timeout_s": "1e400"}, "policy__timeout_s", "number"),
        ({"policy__concurrency": "many"}, "policy__concurrency", "whole number"),
        ({"policy__rate__burst": "5"}, "policy__rate", "per_second"),
    ],
    ids=lambda value: None if isinstance(value, dict) else repr(value),
)
def test_a_bad_value_is_named_and_nothing_is_made(
    admin: Client, change: dict[str, str], field: str | None, words: str
) -> None:
    answer = admin.post(f"{LIST}new/payments/", {**FILLED, "slug": "payments-eu", **change})

    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert words in str(errors[field or "__all__"])
    assert not Connection.objects.filter(slug="payments-eu").exists()


def test_settings_of_a_database_are_checked_by_its_schema(admin: Client) -> None:
    answer = admin.post(f"{LIST}new/postgres/", {"slug": "pg", "auth_scheme": "login", "config__host": "db.example"})

    assert "required" in str(answer.context["form"].errors["config__database"])


def test_a_change_keeps_what_the_form_shows(admin: Client, connection: Connection) -> None:
    admin.post(f"{ONE}edit/", {**FILLED, "title": "Card payments", "config__merchant_account": "M-1"})
    row = fresh(connection)

    assert (row.title, row.config, row.secret) == ("Card payments", {"merchant_account": "M-1"}, "pay-key")


def test_a_new_address_asks_for_the_secret_again_before_anything_is_saved(
    admin: Client, connection: Connection
) -> None:
    moved = {**FILLED, "base_url": "https://attacker.example"}
    answer = admin.post(f"{ONE}edit/", moved)
    form = answer.context["form"]

    assert answer.status_code == 422
    assert "detaches the secret" in answer.content.decode()
    assert form["secret"].value() == ""
    assert fresh(connection).base_url == "https://api.kestrelpay.example"

    admin.post(f"{ONE}edit/", {**moved, "secret": "", "asked_for": form["asked_for"].value()})
    row = fresh(connection)
    assert (row.base_url, row.secret, row.secret_origin) == ("https://attacker.example", "", "")


def test_a_confirmation_for_another_address_is_not_one(admin: Client, connection: Connection) -> None:
    asked = admin.post(f"{ONE}edit/", {**FILLED, "base_url": "https://new.example"}).context["form"]
    answer = admin.post(
        f"{ONE}edit/", {**FILLED, "base_url": "https://attacker.example", "asked_for": asked["asked_for"].value()}
    )

    assert answer.status_code == 422
    assert fresh(connection).base_url == "https://api.kestrelpay.example"


def test_the_breaker_is_forced_with_a_reason_and_freed(admin: Client, connection: Connection) -> None:
    admin.post(f"{ONE}breaker/", {"state": "open", "reason": "vendor maintenance"})
    row = fresh(connection)
    assert (row.forced_breaker, row.forced_reason) == ("open", "vendor maintenance")
    shown = admin.get(ONE)
    assert "vendor maintenance" in shown.content.decode()
    assert shown.context["connection"].health == "paused"

    admin.post(f"{ONE}breaker/", {"state": "auto", "reason": "over"})
    assert fresh(connection).forced_breaker == ""


@pytest.mark.parametrize(
    "given",
    [{}, {"state": "open"}, {"state": "sideways", "reason": "x"}, {"state": "", "reason": "x"}],
    ids=["nothing", "no-reason", "unknown", "empty"],
)
def test_a_breaker_is_not_forced_without_state_and_reason(
    admin: Client, connection: Connection, given: dict[str, str]
) -> None:
    answer = admin.post(f"{ONE}breaker/", given, follow=True)

    assert fresh(connection).forced_breaker == ""
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]


def test_a_connection_is_disabled_and_enabled(admin: Client, connection: Connection) -> None:
    admin.post(f"{ONE}switch/", {"enabled": "no", "reason": "leak\x00"})
    assert not fresh(connection).enabled
    assert "is disabled" in admin.get(ONE).content.decode()
    again = admin.post(f"{ONE}switch/", {"enabled": "no"}, follow=True)
    assert "already" in str(next(iter(again.context["messages"])))

    admin.post(f"{ONE}switch/", {"enabled": "yes"})
    assert fresh(connection).enabled


def test_an_unused_connection_is_deleted(admin: Client, connection: Connection) -> None:
    assert admin.post(f"{ONE}delete/").headers["Location"] == LIST
    assert not Connection.objects.exists()


@pytest.fixture
def flow(workspace: Workspace, environment: Environment) -> Flow:
    content = {"steps": [{"id": "pay", "call": {"connection": "payments", "action": "get_charge"}}]}
    flow = Flow.objects.create(workspace=workspace, slug="order", title="Order", draft=content)
    version = FlowVersion.objects.create(document=flow, number=3, content=content, sha256="0" * 64, published_by="a")
    Deployment.objects.create(flow=flow, environment=environment, version=version, trigger_kind="manual")
    return flow


def test_a_connection_that_flows_use_is_not_deleted(admin: Client, connection: Connection, flow: Flow) -> None:
    answer = admin.post(f"{ONE}delete/", follow=True)

    assert Connection.objects.exists()
    assert "flow order v3 (production), flow order (draft)" in str(next(iter(answer.context["messages"])))


def test_flows_of_another_workspace_and_archived_ones_do_not_use_it(workspace: Workspace, flow: Flow) -> None:
    assert connection_uses(uuid7(), "payments") == []
    assert [use.place for use in connection_uses(workspace.id, "payments")] == ["production", "draft"]
    Flow.objects.update(archived=True)
    assert providers.get("catalog.connection_uses")(workspace.id, "payments") == []


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"trigger": {"poll": {"connection": "shop", "trigger": "orders", "every": "PT1M"}}}, {"shop"}),
        ({"steps": [{"for_each": {"steps": [{"call": {"connection": "a", "action": "x"}}]}}]}, {"a"}),
        ({"steps": [{"call": {"connection": "a", "action": "x"}, "compensate": {"connection": "b", "action": "y"}}]},
         {"a", "b"}),
        ({"steps": [{"map": {"fields": {"connection": "a"}}}]}, set()),
        ({"connection": 3, "action": "x"}, set()),
        ("not a document", set()),
    ],
    ids=["poll", "nested", "compensation", "field", "number", "text"],
)  # fmt: skip
def test_connections_are_found_wherever_a_document_calls_them(content: Any, found: set[str]) -> None:
    assert connections_in(content) == found


def test_a_secret_written_elsewhere_can_be_chosen(admin: Client, workspace: Workspace) -> None:
    create_secret(workspace=workspace, slug="second", fields={"token": VALUE}, actor=SYSTEM)
    answer = admin.get(f"{LIST}new/payments/")

    assert ("second", "second") in answer.context["form"].fields["secret"].choices
    assert VALUE not in answer.content.decode()


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (GatewayOutcome(kind="ok", status=200, duration_ms=41.0), "The test call succeeded."),
        (
            GatewayOutcome(kind="fail", error=ErrorInfo(ErrorClass.AUTH, "http_401", "The vendor refused the key.")),
            "The vendor refused the key.",
        ),
    ],
    ids=["ok", "failed"],
)
def test_the_result_of_a_test_is_shown_in_the_page(
    admin: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch, outcome: GatewayOutcome, words: str
) -> None:
    monkeypatch.setattr("ipaas.catalog.gateway.run_to_end", lambda _call: outcome)
    answer = admin.post(f"{ONE}test/", headers={"HX-Request": "true"})

    assert words in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert words in admin.get(ONE).content.decode()


def test_a_disabled_connection_offers_no_test(admin: Client, connection: Connection) -> None:
    Connection.objects.filter(id=connection.id).update(state="disabled")

    assert admin.get(ONE).context["test_url"] == ""
