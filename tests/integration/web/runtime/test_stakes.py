"""Pages and API say in money what is stuck."""

import pytest

from ipaas.runtime.models import DeadLetter
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import failed
from tests.integration.web.runtime.conftest import Browser, text_of

AMOUNT = {"value": "trigger.body.total", "currency": "trigger.body.currency"}


@pytest.fixture
def stuck(world: World) -> World:
    world.gateway.on("charge", failed(), failed(), failed())
    flow = world.flow(call("charge"), amount=AMOUNT)
    for number, (total, currency) in enumerate([(1000, "EUR"), (234.5, "EUR"), (80, "USD")]):
        world.play(flow, {"id": f"o-{number}", "total": total, "currency": currency})
    return world


def test_pages_say_what_is_at_stake_in_money(stuck: World, operator: Browser) -> None:
    page = operator.get("dead_letter_list")
    assert page.context["totals"]["at_stake"] == "1,234.50 EUR · 80.00 USD"
    assert page.context["totals"]["at_stake_hint"] == "3 orders"
    assert [group.at_stake for group in page.context["groups"]] == ["1,234.50 EUR · 80.00 USD · 3 orders"]
    home = text_of(operator.get("web:home"))
    assert home.count("1,234.50 EUR · 80.00 USD") >= 3


def test_the_api_sums_by_cause_and_currency(stuck: World, operator: Browser) -> None:
    place = {"HTTP_X_WORKSPACE": stuck.workspace.slug}
    [group] = operator.client.get("/api/v1/dead-letters/groups", **place).json()["items"]
    assert group["at_stake"] == [
        {"currency": "EUR", "amount": "1234.5000"},
        {"currency": "USD", "amount": "80.0000"},
    ]
    letter = DeadLetter.objects.order_by("id")[0]
    shown = operator.client.get(f"/api/v1/dead-letters/{letter.id}", **place).json()
    assert (shown["amount"], shown["currency"]) == ("1000.0000", "EUR")
