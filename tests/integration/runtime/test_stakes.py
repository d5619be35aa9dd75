"""What is at stake: dead letters carry the amount that their flow names, and groups say the sums by currency."""

from decimal import Decimal
from typing import Any

import pytest

from ipaas.core.errors import InvalidInput
from ipaas.runtime.letters import group_letters, total_worth
from ipaas.runtime.models import DeadLetter
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import failed

AMOUNT = {"value": "trigger.body.total", "currency": "trigger.body.currency"}


@pytest.mark.parametrize(
    ("total", "currency", "kept"),
    [
        (12.5, "EUR", (Decimal("12.5"), "EUR")),
        (7, "JPY", (Decimal(7), "JPY")),
        ("1204.99", "USD", (Decimal("1204.99"), "USD")),
        (-3, "EUR", (Decimal(-3), "EUR")),
        ("a lot", "EUR", (None, "")),
        (True, "EUR", (None, "")),
        (1e300, "EUR", (None, "")),
        ("NaN", "EUR", (None, "")),
        (5, "euro", (None, "")),
        (5, None, (None, "")),
        ([5], "EUR", (None, "")),
    ],
)
def test_a_dead_letter_says_what_its_run_is_worth(world: World, total: Any, currency: Any, kept: Any) -> None:
    world.gateway.on("charge", failed())
    run = world.play(world.flow(call("charge"), amount=AMOUNT), {"id": "o-1", "total": total, "currency": currency})
    letter = DeadLetter.objects.get(run_id=run.id)
    assert (letter.amount, letter.currency) == kept


def test_groups_are_summed_by_currency(world: World) -> None:
    world.gateway.on("charge", failed(), failed(), failed(), failed())
    flow = world.flow(call("charge"), amount=AMOUNT)
    for number, (total, currency) in enumerate([(10, "EUR"), (2.5, "EUR"), (100, "USD"), (None, None)]):
        world.play(flow, {"id": f"o-{number}", "total": total, "currency": currency})
    [group] = group_letters(DeadLetter.objects.all())
    assert (group.count, group.amounts) == (4, (("USD", Decimal(100)), ("EUR", Decimal("12.5"))))
    assert total_worth([group, group])[0] == ("USD", Decimal(200))


def test_a_classified_amount_is_not_kept_readable(world: World) -> None:
    world.gateway.on("charge", failed())
    total = {"type": "number", "x-sensitive": "personal"}
    schema = {"type": "object", "properties": {"total": total}}
    flow = world.flow(
        call("charge"), amount={"value": "trigger.body.total", "currency": "'EUR'"}, input={"schema": schema}
    )
    run = world.play(flow, {"id": "o-1", "total": 5})
    assert DeadLetter.objects.get(run_id=run.id).amount is None


def test_an_amount_is_an_expression_over_the_trigger(world: World) -> None:
    with pytest.raises(InvalidInput) as refused:
        world.flow(call("charge"), amount={"value": "steps.charge.output.total", "currency": "'EUR'"})
    assert refused.value.errors[0]["path"] == "/amount/value"
