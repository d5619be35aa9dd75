"""What the books say of an order, and how that is held against its run."""

from typing import Any

import pytest

from ipaas.cli.books import OrderBook, effects, open_books
from ipaas.cli.demo_report import Ended, Report

ORDER = "ord_00010000007"
ROW = {"order_id": ORDER, "charge_id": "ch_1", "tracking_number": "LP1X"}

CHARGE = ("payments", "create_charge", ORDER, "ch_1")
REFUND = ("payments", "refund_charge", ORDER, "rf_1")
RESERVE = ("inventory", "reserve", f"{ORDER}-0", f"{ORDER}-0")
RESERVE_2 = ("inventory", "reserve", f"{ORDER}-1", f"{ORDER}-1")
RELEASE = ("inventory", "release", f"{ORDER}-0", f"{ORDER}-0")
SHIP = ("shipping", "create_shipment", ORDER, "LP1")
CANCEL = ("shipping", "cancel_shipment", ORDER, "LP1")
MAIL = ("smtp", "send_mail", ORDER, "q1")
FULFIL = ("storefront", "mark_fulfilled", ORDER, ORDER)
SHIPPED = [CHARGE, RESERVE, SHIP, MAIL, FULFIL]


def book(*happened: tuple[str, str, str, str], row: dict[str, Any] | None = None, outcome: str = "effect") -> OrderBook:
    names = ("vendor", "action", "reference", "entity_id")
    lines = [{**dict(zip(names, one, strict=True)), "outcome": outcome} for one in happened]
    return open_books(lines, {ORDER: row} if row else {}, [ORDER])[ORDER]


@pytest.mark.parametrize(
    ("happened", "row", "lines", "state"),
    [
        pytest.param([], None, 1, "untouched", id="nothing"),
        pytest.param(SHIPPED, ROW, 1, "shipped", id="all"),
        pytest.param(SHIPPED, None, 1, "unfinished", id="all-but-the-row"),
        pytest.param(SHIPPED, ROW, 2, "unfinished", id="a-line-not-reserved"),
        pytest.param([*SHIPPED, RESERVE_2], ROW, 2, "shipped", id="two-lines"),
        pytest.param([CHARGE, RESERVE], None, 1, "unfinished", id="stopped-before-shipping"),
        pytest.param([CHARGE, RESERVE, RELEASE, REFUND], None, 1, "compensated", id="undone"),
        pytest.param([CHARGE, RESERVE, SHIP, CANCEL, RELEASE, REFUND], None, 1, "compensated", id="all-undone"),
        pytest.param([CHARGE, RESERVE, RELEASE], None, 1, "unfinished", id="not-refunded"),
        pytest.param([CHARGE, REFUND, RESERVE], None, 1, "unfinished", id="not-released"),
        pytest.param([CHARGE, RESERVE, SHIP, RELEASE, REFUND], None, 1, "unfinished", id="not-cancelled"),
    ],
)
def test_the_state_of_an_order(
    happened: list[tuple[str, str, str, str]], row: dict[str, Any] | None, lines: int, state: str
) -> None:
    assert book(*happened, row=row).state(lines, warehouse=True) == state


@pytest.mark.parametrize(
    ("happened", "row", "offence"),
    [
        pytest.param([*SHIPPED, CHARGE], ROW, f"payments.create_charge {ORDER} happened 2 times", id="charged-twice"),
        pytest.param([*SHIPPED, MAIL], ROW, f"smtp.send_mail {ORDER} happened 2 times", id="mailed-twice"),
        pytest.param([*SHIPPED, RESERVE], ROW, f"inventory.reserve {ORDER}-0 happened 2 times", id="reserved-twice"),
        pytest.param([SHIP], None, "shipped, but not paid", id="not-paid"),
        pytest.param([CHARGE, REFUND, SHIP], None, "shipped, but not paid", id="paid-back"),
        pytest.param([CHARGE, MAIL], None, "told as shipped, but no shipment stands", id="mail-alone"),
        pytest.param([CHARGE], ROW, "told as shipped, but no shipment stands", id="row-alone"),
        pytest.param([REFUND], None, "refunded, but never charged", id="refund-alone"),
        pytest.param(
            SHIPPED,
            {**ROW, "charge_id": "ch_2"},
            "the warehouse names another charge or shipment than the vendors",
            id="another-charge",
        ),
    ],
)
def test_what_must_not_be(happened: list[tuple[str, str, str, str]], row: dict[str, Any] | None, offence: str) -> None:
    assert offence in book(*happened, row=row).offences()


def test_a_finished_order_offends_in_nothing() -> None:
    assert book(*SHIPPED, row=ROW).offences() == []


def test_a_repetition_that_the_vendor_knew_is_no_effect() -> None:
    found = book(CHARGE, outcome="replay")
    assert (found.state(1, warehouse=True), found.repeats, found.offences()) == ("untouched", 1, [])


def test_effects_of_other_orders_are_passed_over() -> None:
    line = {"vendor": "payments", "action": "create_charge", "reference": "ord_00010000008", "outcome": "effect"}
    books = open_books([{**line, "entity_id": "ch_9"}], {}, [ORDER])
    assert effects(books) == {}


@pytest.mark.parametrize(
    ("status", "reason", "state", "problem"),
    [
        ("succeeded", "", "shipped", None),
        ("succeeded", "", "unfinished", "its run says succeeded, the books say unfinished"),
        ("compensated", "ship: refused", "compensated", None),
        ("compensated", "ship: refused", "shipped", "its run says compensated, the books say shipped"),
        ("dead", "ship: http_401", "unfinished", None),
        ("dead", "", "unfinished", "failed without a reason"),
        ("waiting", "", "unfinished", "has not ended: its run is waiting"),
        ("", "", "untouched", "has not ended: its run is missing"),
    ],
)
def test_run_and_books_must_agree(status: str, reason: str, state: Any, problem: str | None) -> None:
    problems = Ended(ORDER, status, reason, state, ()).problems
    assert problems == [] if problem is None else problem in problems[0]


def test_a_report_passes_only_without_problems() -> None:
    good = Ended(ORDER, "succeeded", "", "shipped", ())
    twice = Ended(ORDER, "succeeded", "", "shipped", ("smtp.send_mail of x happened 2 times",))
    rest = (effects({}), 0, 1, 2.0)
    assert Report((good,), *rest, ()).passed
    assert not Report((good,), *rest, ("3 orders were answered with 503",)).passed
    bad = Report((good, twice), *rest, ())
    assert not bad.passed
    assert bad.twice == 1
    assert "Checks failed" in bad.as_text()
    assert "happened 2 times" in bad.as_json()
