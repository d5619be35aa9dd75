"""What a run is worth, by the amount that its flow names: what dead letters say is at stake."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.flows.plan import Plan

log = get_logger(__name__)

PLACES = Decimal("0.0001")
MOST = Decimal(10) ** 14
_CURRENCY = re.compile(r"[A-Z]{3}")
Stake = tuple[Decimal | None, str]
NOTHING: Stake = (None, "")


def stake_of(plan: Plan, scope: Mapping[str, Any]) -> Stake:
    """Amount and currency of a run; nothing where its flow names none or its input has none. Never raises."""
    if plan.amount is None:
        return NOTHING
    try:
        value, currency = plan.amount.value.evaluate(scope), plan.amount.currency.evaluate(scope)
        return _read(value, currency)
    except (IpaasError, InvalidOperation) as error:
        log.info("amount not told", action="amount", flow=plan.flow_slug, error=type(error).__name__)
        return NOTHING


def _read(value: Any, currency: Any) -> Stake:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str) or not isinstance(currency, str):
        return NOTHING
    amount = Decimal(str(value))
    if not amount.is_finite() or abs(amount) >= MOST or not _CURRENCY.fullmatch(currency):
        return NOTHING
    return amount.quantize(PLACES), currency
