"""Pages of the stand-in vendors, over a scripted control API; a real one is driven in the catalog's tests."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.accounts.roles import ROLES
from ipaas.audit.models import AuditEntry
from ipaas.catalog import stand_ins
from ipaas.catalog.stand_ins import StandIns
from ipaas.core import jsonio
from ipaas.core.actor import SYSTEM
from ipaas.events.models import Endpoint
from ipaas.sdk.stubs.client import LedgerPage, StubCallRefused, StubsUnavailable
from tests.factories.descriptions import SOURCE, import_connector
from tests.integration.web.conftest import Browsers

LIST = "/w/acme/stubs/"
ONE = f"{LIST}payments/"
DEEDS = [f"{ONE}fault/", f"{ONE}clear/", f"{ONE}webhooks/", f"{LIST}-reset-all/"]
FAULT = {
    "id": "f1", "vendor": "payments", "action": "create_charge", "kind": "status", "percent": 30.0, "when": "after",
    "status": 503, "retry_after": "5", "delay_ms": 1000, "times": 9, "seen": 10, "fired": 3, "body": None, "seed": 0,
}  # fmt: skip


def line(number: int, outcome: str = "effect", key: str | None = "k-1", status: int = 201) -> dict[str, Any]:
    return {
        "number": number, "at": "2026-01-05T08:00:47.000Z", "vendor": "payments", "action": "create_charge",
        "outcome": outcome, "reference": f"FH-{number}", "entity_id": f"ch_{number}", "key": key, "status": status,
        "method": "POST", "path": "/v1/charges", "query": {}, "body": None, "digest": "0",
    }  # fmt: skip


class ScriptedStubs:
    """Answers what a control API would; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.lines = [line(4, "replay"), line(3, key="k-2"), line(2), line(1)]
        self.failure: Exception | None = None
        self.started = ""

    async def vendors(self) -> dict[str, list[str]]:
        if self.failure:
            raise self.failure
        described = {self.started: ["send_parcel"]} if self.started else {}
        known = {"payments": ["create_charge", "refund_charge"], "storefront": ["list_orders"], "smtp": ["send_mail"]}
        return known | described

    async def faults(self) -> list[dict[str, Any]]:
        return [FAULT]

    async def counts(self) -> list[dict[str, Any]]:
        return [{"vendor": "payments", "action": "create_charge", "outcome": "effect", "count": 3}]

    async def entities(self, vendor: str) -> dict[str, Any]:
        return {"charge": {"ch_1": {}}} if vendor == "payments" else {}

    async def ledger_page(self, filters: dict[str, str], *, limit: int, before: int | None) -> LedgerPage:
        self.asked.append(("ledger", filters, before))
        return LedgerPage(self.lines[:limit], 17)

    async def add_fault(self, fault: dict[str, Any]) -> dict[str, Any]:
        if self.failure:
            raise self.failure
        self.asked.append(("fault", fault))
        return {**FAULT, **fault}

    async def clear_faults(self, *, vendor: str, fault_id: str, scope: str) -> int:
        self.asked.append(("clear", vendor, fault_id, scope))
        return 1

    async def reset(self, scope: str) -> None:
        self.asked.append(("reset", scope))

    async def start(self, vendor: str, packed: bytes) -> list[str]:
        self.asked.append(("start", vendor))
        self.started = vendor
        return []

    async def stop(self, vendor: str) -> bool:
        self.asked.append(("stop", vendor))
        return vendor == self.started

    async def send_webhooks(self, sending: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(("send", sending))
        return {"sent": 3, "statuses": {"202": 2, "401": 1}}


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> ScriptedStubs:
    found = ScriptedStubs()
    place = StandIns(9, 10, "token", "signing-value-never-shown")

    def run(_place: StandIns, ask: Callable[[Any], Any]) -> Any:
        coroutine = ask(found)
        try:
            coroutine.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError

    monkeypatch.setattr(stand_ins, "_reachable", reachable(place))
    monkeypatch.setattr(stand_ins, "_run", run)
    return found


def reachable(place: StandIns) -> Callable[..., StandIns]:
    def find(actor: Any, permission: str, workspace: Workspace) -> StandIns:
        stand_ins.require_permission(actor, permission, workspace.id)
        return place

    return find


@pytest.fixture
def operator(as_role: Browsers, stubs: ScriptedStubs) -> Client:
    return as_role("operator")


def told(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


@pytest.mark.parametrize("url", [LIST, ONE, *DEEDS])
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_page_is_for_those_with_its_permission(as_role: Browsers, stubs: ScriptedStubs, role: str, url: str) -> None:
    deed = url in DEEDS
    allowed = ("stubs.script" if deed else "stubs.view") in ROLES[role]
    browser = as_role(role)
    answer = browser.post(url) if deed else browser.get(url)

    assert answer.status_code == ((302 if deed else 200) if allowed else 403)


@pytest.mark.parametrize("url", [LIST, ONE, *DEEDS])
def test_a_stranger_finds_nothing(stranger: Client, stubs: ScriptedStubs, url: str) -> None:
    assert (stranger.post if url in DEEDS else stranger.get)(url).status_code == 404


def test_without_stand_ins_the_page_says_what_to_do(as_role: Browsers, workspace: Workspace) -> None:
    browser = as_role("operator")

    for url in (LIST, ONE):
        page = browser.get(url)
        assert page.status_code == 200
        assert "No stub for this workspace" in page.content.decode()
    assert browser.post(f"{ONE}fault/", {"kind": "status"}).status_code == 404


def test_a_server_that_does_not_answer_is_said_so(operator: Client, stubs: ScriptedStubs) -> None:
    stubs.failure = StubsUnavailable(reason="nobody listens")

    for url in (LIST, ONE):
        assert "The stub server does not answer" in operator.get(url).content.decode()
    assert "nobody listens" in told(operator.post(f"{ONE}fault/", {"kind": "status"}, follow=True))


def test_the_page_shows_what_arrived_and_the_faults(operator: Client) -> None:
    answer = operator.get(ONE)
    rows, page = answer.context["ledger"].items, answer.content.decode()

    assert [(row.number, row.duplicate, row.twice) for row in rows] == [
        (4, True, False), (3, False, False), (2, False, True), (1, False, False)
    ]  # fmt: skip
    assert "HTTP 503 on 30 % of the calls, Retry-After 5, after the effect" in page
    assert answer.context["faults"][0].left == 6
    assert answer.context["ledger"].next_url == "?before=17"
    assert "never-shown" not in page


def test_an_unknown_vendor_is_not_found(operator: Client) -> None:
    assert operator.get(f"{LIST}nobody/").status_code == 404


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "\x00", "١٢"])
def test_a_bad_place_in_the_ledger_shows_the_newest(operator: Client, stubs: ScriptedStubs, before: str) -> None:
    assert operator.get(ONE, {"before": before}).status_code == 200
    assert stubs.asked[-1][2] is None


def test_the_ledger_is_filtered_and_live(operator: Client, stubs: ScriptedStubs) -> None:
    answer = operator.get(ONE, {"key": "k-1", "before": "3"})
    assert stubs.asked[-1] == ("ledger", {"vendor": "payments", "key": "k-1", "reference": "", "scope": "acme"}, 3)
    assert answer.context["poll_url"] == ""

    version = operator.get(ONE).context["version"]
    assert operator.get(ONE, {"v": version}, headers={"HX-Request": "true"}).status_code == 204
    stubs.lines.insert(0, line(5))
    again = operator.get(ONE, {"v": version}, headers={"HX-Request": "true"})
    assert "FH-5" in again.content.decode()
    assert "<html" not in again.content.decode()


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (
            {"kind": "status", "status": "429", "retry_after": "3"},
            {"kind": "status", "status": 429, "retry_after": "3"},
        ),
        ({"kind": "delay", "delay_ms": "50", "percent": "12.5"}, {"kind": "delay", "delay_ms": 50, "percent": 12.5}),
        ({"kind": "reset", "when": "after", "times": "2"}, {"kind": "reset", "when": "after", "times": 2}),
        ({"kind": "half", "action": "create_charge"}, {"kind": "half", "action": "create_charge"}),
        ({"kind": "drift"}, {"kind": "drift"}),
        ({"kind": "reject"}, {"kind": "reject"}),
    ],
    ids=["status", "delay", "reset", "half", "drift", "reject"],
)
def test_every_kind_of_fault_is_set(
    operator: Client, stubs: ScriptedStubs, given: dict[str, str], made: dict[str, Any]
) -> None:
    operator.post(f"{ONE}fault/", given)

    assert stubs.asked == [("fault", {"vendor": "payments", **made})]
    assert AuditEntry.objects.filter(action="stubs.fault_set").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "kind"),
        ({"kind": "earthquake"}, "valid choice"),
        ({"kind": "status", "status": "99"}, "300"),
        ({"kind": "status", "percent": "101"}, "100"),
        ({"kind": "delay", "delay_ms": "1e9"}, "whole number"),
        ({"kind": "status", "action": "x\x00"}, "Null"),
        ({"kind": "status", "times": "0"}, "1"),
    ],
    ids=["nothing", "kind", "status", "percent", "delay", "nul", "times"],
)
def test_a_bad_fault_is_refused(operator: Client, stubs: ScriptedStubs, given: dict[str, str], words: str) -> None:
    message = told(operator.post(f"{ONE}fault/", given, follow=True))

    assert words in message
    assert [asked for asked in stubs.asked if asked[0] == "fault"] == []


def test_what_the_stand_ins_refuse_is_told(operator: Client, stubs: ScriptedStubs) -> None:
    stubs.failure = StubCallRefused(reason="known are create_charge")
    answer = operator.post(f"{ONE}fault/", {"kind": "status", "action": "other"})
    stubs.failure = None

    assert "known are create_charge" in told(operator.get(answer.headers["Location"]))


def test_faults_are_cleared_and_everything_is_reset(operator: Client, stubs: ScriptedStubs) -> None:
    operator.post(f"{ONE}clear/", {"fault_id": "f1"})
    operator.post(f"{LIST}-reset-all/")

    assert stubs.asked == [("clear", "payments", "f1", "acme"), ("reset", "acme")]


def test_an_imported_connector_is_started_from_its_page_and_stopped(
    operator: Client,
    as_role: Browsers,
    stubs: ScriptedStubs,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(StandIns, "chosen", staticmethod(lambda: True))
    import_connector(workspace=workspace, slug="parcel-post", source=jsonio.dumps(SOURCE), actor=SYSTEM)
    one = f"{LIST}parcel-post/"
    assert f'action="{one}start/"' in operator.get("/w/acme/catalog/of/parcel-post/").content.decode()
    assert operator.post(f"{one}start/").headers["Location"] == one
    page = operator.get(one).content.decode()
    assert "Parcel Post" in page
    assert "<code>POST /parcels</code>" in page
    assert f'action="{one}stop/"' in page
    assert "Send webhooks" not in page
    assert operator.post(f"{one}stop/").headers["Location"] == LIST
    assert [asked[:2] for asked in stubs.asked if asked[0] in ("start", "stop")] == [
        ("start", "acme.parcel-post"),
        ("stop", "acme.parcel-post"),
    ]
    assert operator.post(f"{LIST}nobody/start/").status_code == 404
    auditor = as_role("auditor")
    assert [auditor.post(f"{one}{deed}/").status_code for deed in ("start", "stop")] == [403, 403]


@pytest.fixture
def endpoint(environment: Environment) -> Endpoint:
    return Endpoint.objects.create(
        workspace=environment.workspace, environment=environment, slug="orders", title="Orders", public_id="p" * 20
    )


def test_webhooks_are_sent_doubled_and_out_of_order(operator: Client, stubs: ScriptedStubs, endpoint: Endpoint) -> None:
    given = {"endpoint": "orders", "count": "3", "duplicate_percent": "50", "out_of_order": "yes", "start": "900"}
    answer = operator.post(f"{LIST}storefront/webhooks/", given, follow=True)
    name, sending = stubs.asked[0]

    assert name == "send"
    assert sending["url"].endswith("/hooks/" + "p" * 20)
    assert {key: sending[key] for key in ("count", "duplicate_percent", "out_of_order", "start")} == {
        "count": 3, "duplicate_percent": 50.0, "out_of_order": True, "start": 900
    }  # fmt: skip
    assert "3 deliveries sent: 2 answered 202, 1 answered 401" in told(answer)
    assert "never-shown" not in answer.content.decode()


@pytest.mark.parametrize(
    ("given", "status"),
    [({"endpoint": "none", "count": "1"}, 404), ({"endpoint": "orders", "count": "0"}, 302), ({}, 302),
     ({"endpoint": "orders", "count": "100000"}, 302)],
    ids=["endpoint", "zero", "nothing", "many"],
)  # fmt: skip
def test_a_bad_sending_is_refused(
    operator: Client, stubs: ScriptedStubs, endpoint: Endpoint, given: dict[str, str], status: int
) -> None:
    assert operator.post(f"{LIST}storefront/webhooks/", given).status_code == status
    assert stubs.asked == []


def test_an_endpoint_of_another_workspace_takes_nothing(
    operator: Client, stubs: ScriptedStubs, stranger: Client, environment: Environment
) -> None:
    place = Environment.objects.get(workspace__slug="globex")
    Endpoint.objects.create(workspace=place.workspace, environment=place, slug="theirs", title="T", public_id="q" * 20)

    assert operator.post(f"{LIST}storefront/webhooks/", {"endpoint": "theirs", "count": "1"}).status_code == 404
