"""The demo's promises over real stand-ins: replay charges nobody twice, and effects in doubt are settled."""

from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.accounts.services import change_settings
from ipaas.catalog.models import Connection
from ipaas.cli import demo
from ipaas.cli.books import OrderBook
from ipaas.cli.demo_warehouse import Warehouse
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import InvalidInput
from ipaas.flows.examples import example_text
from ipaas.flows.models import Flow
from ipaas.governance.services import apply_document
from ipaas.runtime.bulk import start_bulk_job
from ipaas.runtime.models import Attempt, DeadLetter, Run, StepRun
from ipaas.runtime.services import settle_effect
from ipaas.sdk.stubs.orders import order
from tests.integration.demo.conftest import Shop

NUMBERS = (1, 2, 3)
IDS = [order(1, number)["id"] for number in NUMBERS]


def states(books: dict[str, OrderBook]) -> list[str]:
    lines = [len(order(1, number)["lines"]) for number in NUMBERS]
    return [book.state(count, warehouse=True) for count, book in zip(lines, books.values(), strict=True)]


def test_orders_are_shipped_and_written_to_the_warehouse(shop: Shop) -> None:
    runs = [shop.order(number) for number in NUMBERS]
    shop.work(*runs)

    books = shop.books(IDS)
    assert [run.status for run in runs] == [Run.Status.SUCCEEDED] * 3
    assert states(books) == ["shipped"] * 3
    assert [book.offences() for book in books.values()] == [[], [], []]
    total = order(1, 1)["total_minor"]
    assert shop.warehouse.rows(IDS)[IDS[0]]["total_minor"] == total


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            {"vendor": "shipping", "action": "create_shipment", "kind": "status", "status": 401},
            id="refused-before-it-happened",
        ),
        pytest.param(
            {"vendor": "payments", "action": "create_charge", "kind": "drift"}, id="answered-oddly-after-it-happened"
        ),
    ],
)
def test_dead_letters_replayed_in_bulk_complete_without_a_second_charge(shop: Shop, fault: dict[str, Any]) -> None:
    shop.fault(**fault)
    failed = [shop.order(number) for number in NUMBERS]
    shop.work(*failed)
    assert {run.status for run in failed} <= {Run.Status.DEAD, Run.Status.NEEDS_OPERATOR}
    assert states(shop.books(IDS)) == ["unfinished"] * 3

    shop.lift_faults()
    job = start_bulk_job(
        actor=SYSTEM,
        workspace=shop.workspace,
        deed="replay",
        filter={},
        rate_per_s=100,
        options={"reason": "the carrier is back"},
    )
    shop.work()
    replays = list(Run.objects.filter(replay_of__in=[run.id for run in failed]))
    shop.work(*replays)

    job.refresh_from_db()
    assert (job.done, job.failed) == (3, 0)
    assert [run.status for run in replays] == [Run.Status.SUCCEEDED] * 3
    books = shop.books(IDS)
    assert states(books) == ["shipped"] * 3
    assert [book.offences() for book in books.values()] == [[], [], []]
    assert shop.effects("payments", "create_charge") == 3
    assert not DeadLetter.objects.filter(state=DeadLetter.State.OPEN).exists()


@pytest.mark.parametrize(("mode", "asked"), [("keyed", 0), ("lookup", 1)])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "reset", "when": "after"}, id="reset-after-the-charge"),
        pytest.param({"kind": "reset", "when": "before"}, id="reset-before-the-charge"),
        pytest.param({"kind": "half"}, id="half-an-answer"),
        pytest.param({"kind": "status", "status": 503, "when": "after"}, id="503-after-the-charge"),
    ],
)
def test_a_charge_in_doubt_is_settled_with_the_vendor(shop: Shop, mode: str, asked: int, fault: dict[str, Any]) -> None:
    """By its key where the vendor honours keys, else by a look-up before anything is sent again."""
    shop.configure("payments", config={"mode": mode})
    shop.fault("payments", action="create_charge", times=1, **fault)
    run = shop.order(1)
    shop.work(run)

    assert run.status == Run.Status.SUCCEEDED
    assert shop.effects("payments", "create_charge") == 1
    looked = [verdict for verdict in _verdicts(run, "charge") if verdict["policy"] == "lookup"]
    assert len(looked) == asked
    assert states(shop.books(IDS))[0] == "shipped"


def test_a_refund_in_doubt_is_settled_by_a_look_up(shop: Shop) -> None:
    shop.configure("payments", config={"mode": "lookup"})
    shop.fault("shipping", "reject", action="create_shipment")
    shop.fault("payments", "reset", action="refund_charge", when="after", times=1)
    run = shop.order(1)
    shop.work(run)

    assert run.status == Run.Status.COMPENSATED
    assert shop.effects("payments", "refund_charge") == 1
    assert states(shop.books(IDS))[0] == "compensated"


def award(shop: Shop) -> Flow:
    shop.connect("loyalty")
    given = {"member_id": "M-1000", "points": 10, "memo": "{{ trigger.body.id }}"}
    step = {"id": "award", "call": {"connection": "loyalty", "action": "award_points", "with": given}}
    return shop.flow(step)


@pytest.mark.parametrize(
    ("fault", "happened"),
    [
        pytest.param({"kind": "reset", "when": "after"}, True, id="reset-after-the-award"),
        pytest.param({"kind": "half"}, True, id="half-an-answer"),
        pytest.param({"kind": "reset", "when": "before"}, False, id="reset-before-the-award"),
    ],
)
def test_an_award_in_doubt_is_shown_to_an_operator_and_never_sent_again_unasked(
    shop: Shop, fault: dict[str, Any], happened: bool
) -> None:
    """The vendor takes no key and can not be asked; what the operator finds out decides."""
    flow = award(shop)
    shop.fault("loyalty", action="award_points", **fault)
    run = shop.start(flow, {"id": "o-1"})
    shop.work(run)

    assert run.status == Run.Status.NEEDS_OPERATOR
    assert DeadLetter.objects.get(run_id=run.id).error_class == "outcome_unknown"
    assert shop.effects("loyalty", "award_points") == happened

    shop.lift_faults()
    result = {"ok": True, "awarded": 10} if happened else None
    settle_effect(actor=SYSTEM, run=run, path="award", item="", happened=happened, result=result, reason="asked them")
    shop.work(run)
    assert run.status == Run.Status.SUCCEEDED
    assert shop.effects("loyalty", "award_points") == 1


def test_an_award_that_was_refused_for_certain_is_sent_again(shop: Shop) -> None:
    flow = award(shop)
    shop.fault("loyalty", "status", action="award_points", status=503, times=1)
    run = shop.start(flow, {"id": "o-1"})
    shop.work(run)

    assert run.status == Run.Status.SUCCEEDED
    assert shop.effects("loyalty", "award_points") == 1


def test_a_restart_keeps_what_an_administrator_has_allowed(shop: Shop) -> None:
    workspace = Workspace.objects.get(slug=demo.WORKSPACE)
    ours = workspace.settings["egress_allow"]
    Connection.objects.filter(slug="payments").update(base_url="http://127.0.0.1:9/payments")  # its port before
    change_settings(workspace=workspace, settings={"egress_allow": ["vault.lan:8200", "127.0.0.1:9"]}, actor=SYSTEM)
    demo.install()
    workspace.refresh_from_db()
    assert workspace.settings["egress_allow"] == [*ours, "vault.lan:8200"]


def test_without_a_warehouse_the_step_is_left_out_and_said_so(shop_without_warehouse: Shop) -> None:
    shop = shop_without_warehouse
    assert "IPAAS_DEMO_WAREHOUSE_URL" in demo.introduce(demo.install(), as_json=False)
    run = shop.order(1)
    shop.work(run)

    assert run.status == Run.Status.SUCCEEDED
    assert shop.books(IDS)[IDS[0]].state(len(order(1, 1)["lines"]), warehouse=False) == "shipped"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://a:b@h/d",
        "postgresql://h/d",
        "postgresql://a:b@h",
        "postgresql://a:b@h:x/d",
        "postgresql://a@h/d?sslmode=prefer",
    ],
)
def test_a_bad_address_of_a_warehouse_is_refused_by_its_setting(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Warehouse.parse(url)
    assert refused.value.errors[0]["path"] == "IPAAS_DEMO_WAREHOUSE_URL"
    assert "b@" not in refused.value.errors[0]["message"]


def _verdicts(run: Run, path: str) -> list[dict[str, Any]]:
    step = StepRun.objects.get(run_id=run.id, path=path, item="")
    return [verdict for attempt in Attempt.objects.filter(run_id=run.id, seq=step.seq) for verdict in attempt.verdicts]


def test_what_people_made_of_the_demo_outlives_the_next_start(shop: Shop) -> None:
    """Each ``up`` installs what is missing; what is there and was changed, drafted or deployed is not missing."""
    actor = {"actor": SYSTEM, "workspace": shop.workspace}
    mapping, flow = example_text("order-canonical"), example_text("order-to-shipment")
    changed = mapping.replace("fields:\n", "fields:\n  sales_channel: \"'web shop'\"\n", 1)
    drafted = apply_document(text=changed, publish_it=False, **actor).document
    apply_document(text=flow.replace("owner: fulfilment", "owner: service"), **actor)

    demo.install()

    drafted.refresh_from_db()
    assert (drafted.latest_version, drafted.draft["fields"]["sales_channel"]) == (1, "'web shop'")
    kept = Flow.objects.get(workspace=shop.workspace, slug="order-to-shipment")
    assert (kept.latest_version, kept.draft["owner"]) == (2, "service")
    running = kept.deployments.filter(active=True).values_list("version__number", flat=True)
    assert set(running) == {1}
