"""Driving the stand-ins: over real HTTP, by those whose workspace may reach them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.catalog import stand_ins
from ipaas.catalog.stand_in_place import StandIns
from ipaas.catalog.stand_ins import StandInsMissing
from ipaas.config import settings
from ipaas.core import jsonio
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import NotFound, PermissionDenied
from ipaas.core.ids import uuid7
from ipaas.sdk.stubs.client import StubCallRefused, StubsUnavailable
from tests.factories.descriptions import SOURCE, import_connector
from tests.factories.stub_server import Running

ALL = frozenset({"stubs.view", "stubs.script"})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("IPAAS_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def running(home: Path) -> Iterator[Running]:
    server = Running(home)
    chosen = {"port": server.port, "smtp_port": 1, "token": "token", "signing_secret": "s"}
    (home / "stubs.json").write_text(json.dumps(chosen))
    yield server
    server.close()


@pytest.fixture
def acme(workspace: Workspace, running: Running) -> Workspace:
    workspace.settings = {"egress_allow": [f"127.0.0.1:{running.port}"]}
    workspace.save()
    return workspace


@pytest.fixture
def alice(workspace: Workspace) -> Actor:
    return Actor("user", "u1", "Alice", workspace.id, ALL)


def test_faults_are_put_in_force_shown_and_lifted(acme: Workspace, alice: Actor) -> None:
    script = {"vendor": "payments", "kind": "status", "percent": 12.5}
    fault = stand_ins.set_fault(actor=alice, workspace=acme, fault=script)
    state = {one.vendor: one for one in stand_ins.list_stand_ins(actor=alice, workspace=acme)}
    assert [one["id"] for one in state["payments"].faults] == [fault["id"]]
    assert f"{state['payments'].faults[0]['percent']:g} %" == "12.5 %"
    assert state["shipping"].faults == []
    assert "create_charge" in state["payments"].actions
    assert stand_ins.clear_faults(actor=alice, workspace=acme, vendor="payments") == 1
    entries = AuditEntry.objects.filter(action__startswith="stubs.").order_by("id")
    assert [(entry.action, entry.subject_id) for entry in entries] == [
        ("stubs.fault_set", "payments"),
        ("stubs.faults_cleared", "payments"),
    ]


def test_the_ledger_is_read_page_by_page_from_its_end(acme: Workspace, alice: Actor, running: Running) -> None:
    for number in range(5):
        running.charge(f"o-{number}")
    found, before = [], None
    while True:
        page = stand_ins.ledger_page(
            actor=alice, workspace=acme, filters={"vendor": "payments"}, limit=2, before=before
        )
        found.append([line["reference"] for line in page.lines])
        before = page.next_before
        if before is None:
            break
        running.charge("later")
    assert found == [["o-4", "o-3"], ["o-2", "o-1"], ["o-0"]]


def test_a_reset_forgets_everything(acme: Workspace, alice: Actor, running: Running) -> None:
    running.charge("o-1")
    stand_ins.reset_stand_ins(actor=alice, workspace=acme)
    assert stand_ins.ledger_page(actor=alice, workspace=acme, filters={}).lines == []


def test_webhooks_go_to_the_ingress_of_this_instance(acme: Workspace, alice: Actor, running: Running) -> None:
    sent = stand_ins.send_webhooks(
        actor=alice, workspace=acme, vendor="storefront", public_id="abc", sending={"count": 2}
    )
    assert sent == {"sent": 2, "statuses": {"202": 2}}
    assert {url for url, _ in running.posted} == {f"http://{StandIns.load().ingress}/hooks/abc"}
    entry = AuditEntry.objects.get(action="stubs.webhooks_sent")
    assert "s" not in entry.details.values()


@pytest.mark.parametrize(
    "fault",
    [{"vendor": "nobody", "kind": "status"}, {"vendor": "payments", "kind": "magic"}, {"vendor": "payments"}],
    ids=["vendor", "kind", "no-kind"],
)
def test_a_bad_fault_is_refused_and_not_written_down(acme: Workspace, alice: Actor, fault: dict[str, Any]) -> None:
    with pytest.raises(StubCallRefused):
        stand_ins.set_fault(actor=alice, workspace=acme, fault=fault)
    assert not AuditEntry.objects.filter(action="stubs.fault_set").exists()


def test_who_may(acme: Workspace) -> None:
    looking = Actor("user", "u2", "Bob", acme.id, frozenset({"stubs.view"}))
    stranger = Actor("user", "u3", "Charlie", uuid7(), ALL)
    assert stand_ins.list_stand_ins(actor=looking, workspace=acme)
    with pytest.raises(PermissionDenied):
        stand_ins.reset_stand_ins(actor=looking, workspace=acme)
    with pytest.raises(NotFound):
        stand_ins.list_stand_ins(actor=stranger, workspace=acme)


def test_to_a_workspace_that_may_not_reach_them_there_are_none(
    workspace: Workspace, alice: Actor, running: Running
) -> None:
    with pytest.raises(StandInsMissing):
        stand_ins.list_stand_ins(actor=alice, workspace=workspace)


def test_an_imported_connector_gets_a_stand_in_of_its_own(acme: Workspace, alice: Actor, running: Running) -> None:
    import_connector(workspace=acme, slug="parcel-post", source=jsonio.dumps(SOURCE), actor=SYSTEM)
    url = stand_ins.start_stand_in(actor=alice, workspace=acme, connector="parcel-post")
    assert url == f"http://127.0.0.1:{running.port}/acme.parcel-post"
    assert running.post(f"{url}/parcels", {"weight": 3, "to": "AT"}) == (201, {"weight": 3, "to": "AT"})
    assert running.post(f"{url}/parcels", {"to": "AT"})[0] == 400
    state = {one.vendor: one for one in stand_ins.list_stand_ins(actor=alice, workspace=acme)}
    assert (state["parcel-post"].described, state["payments"].described) == (True, False)
    assert [count["count"] for count in state["parcel-post"].counts] == [1]
    page = stand_ins.ledger_page(actor=alice, workspace=acme, filters={"vendor": "parcel-post"})
    assert [(line["vendor"], line["action"]) for line in page.lines] == [("parcel-post", "send_parcel")]
    fault = {"vendor": "parcel-post", "kind": "status", "status": 503}
    assert stand_ins.set_fault(actor=alice, workspace=acme, fault=fault)["vendor"] == "parcel-post"
    assert running.post(f"{url}/parcels", {"weight": 3})[0] == 503
    stand_ins.stop_stand_in(actor=alice, workspace=acme, vendor="parcel-post")
    assert "parcel-post" not in {one.vendor for one in stand_ins.list_stand_ins(actor=alice, workspace=acme)}
    with pytest.raises(NotFound):
        stand_ins.stop_stand_in(actor=alice, workspace=acme, vendor="parcel-post")
    entries = AuditEntry.objects.filter(action__in=["stubs.started", "stubs.stopped"], subject_id="parcel-post")
    assert entries.count() == 2


def test_the_stand_in_of_one_workspace_does_not_exist_for_another(
    acme: Workspace, alice: Actor, running: Running
) -> None:
    import_connector(workspace=acme, slug="parcel-post", source=jsonio.dumps(SOURCE), actor=SYSTEM)
    url = stand_ins.start_stand_in(actor=alice, workspace=acme, connector="parcel-post")
    running.post(f"{url}/parcels", {"weight": 3})
    globex = Workspace.objects.create(slug="globex", name="Globex", settings=acme.settings)
    charlie = Actor("user", "u3", "Charlie", globex.id, ALL)
    assert "parcel-post" not in {one.vendor for one in stand_ins.list_stand_ins(actor=charlie, workspace=globex)}
    for filters in ({}, {"vendor": "parcel-post"}, {"vendor": "acme.parcel-post"}):
        assert stand_ins.ledger_page(actor=charlie, workspace=globex, filters=filters).lines == []
    for vendor in ("parcel-post", "acme.parcel-post"):
        with pytest.raises(StubCallRefused):
            stand_ins.set_fault(actor=charlie, workspace=globex, fault={"vendor": vendor, "kind": "reset"})
        with pytest.raises(NotFound):
            stand_ins.stop_stand_in(actor=charlie, workspace=globex, vendor=vendor)
        with pytest.raises(NotFound):
            stand_ins.start_stand_in(actor=charlie, workspace=globex, connector=vendor)
    stand_ins.clear_faults(actor=charlie, workspace=globex)
    stand_ins.reset_stand_ins(actor=charlie, workspace=globex)
    assert len(stand_ins.ledger_page(actor=alice, workspace=acme, filters={}).lines) == 1


def test_none_were_ever_chosen(workspace: Workspace, alice: Actor, home: Path) -> None:
    with pytest.raises(StandInsMissing):
        stand_ins.list_stand_ins(actor=alice, workspace=workspace)
    assert not (home / "stubs.json").exists()


def test_stopped_ones_are_said_to_be_out_of_reach(acme: Workspace, alice: Actor, running: Running, home: Path) -> None:
    chosen = json.loads((home / "stubs.json").read_text())
    (home / "stubs.json").write_text(json.dumps({**chosen, "port": 9}))
    acme.settings = {"egress_allow": ["127.0.0.1:9"]}
    acme.save()
    with pytest.raises(StubsUnavailable):
        stand_ins.list_stand_ins(actor=alice, workspace=acme)
