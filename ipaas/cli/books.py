"""What became of orders, told by the books of those who were asked to act: the vendors' ledger and the warehouse.

Nothing here reads the product's own records, so that they can be held against it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

State = Literal["shipped", "compensated", "untouched", "unfinished"]
Rows = Mapping[str, Mapping[str, Any]]

_CHARGE, _REFUND = "payments.create_charge", "payments.refund_charge"
_RESERVE, _RELEASE = "inventory.reserve", "inventory.release"
_SHIP, _CANCEL = "shipping.create_shipment", "shipping.cancel_shipment"
_MAIL, _FULFIL = "smtp.send_mail", "storefront.mark_fulfilled"


@dataclass(slots=True)
class OrderBook:
    """What the books say of one order. ``done`` counts effects by ``vendor.action``, ``entities`` names the last."""

    done: Counter[str] = field(default_factory=Counter)
    entities: dict[str, str] = field(default_factory=dict)
    repeats: int = 0
    twice: list[str] = field(default_factory=list)
    row: Mapping[str, Any] | None = None

    def state(self, lines: int, *, warehouse: bool) -> State:
        """How the order stands: ``shipped`` with everything that belongs to it, wholly undone, untouched, or between.

        ``lines``: how many lines it has, each of which is reserved by itself.
        """
        done = self.done
        if not done and self.row is None:
            return "untouched"
        goods_kept = done[_RESERVE] - done[_RELEASE]
        paid, sent, told = done[_CHARGE] - done[_REFUND], done[_SHIP] - done[_CANCEL], done[_MAIL] + done[_FULFIL]
        if (paid, goods_kept, sent, told) == (1, lines, 1, 2) and (self.row is not None) == warehouse:
            return "shipped"
        if (paid, goods_kept, sent, told) == (0, 0, 0, 0) and self.row is None:
            return "compensated"
        return "unfinished"

    def offences(self) -> list[str]:
        """What must not be so, however far the order has come."""
        done, found = self.done, list(self.twice)
        if done[_SHIP] > done[_CANCEL] and done[_CHARGE] <= done[_REFUND]:
            found.append("shipped, but not paid")
        if (done[_MAIL] or done[_FULFIL] or self.row is not None) and done[_SHIP] <= done[_CANCEL]:
            found.append("told as shipped, but no shipment stands")
        if done[_REFUND] > done[_CHARGE]:
            found.append("refunded, but never charged")
        if self.row is not None and not self._row_fits(self.row):
            found.append("the warehouse names another charge or shipment than the vendors")
        return found

    def _row_fits(self, row: Mapping[str, Any]) -> bool:
        shipment = self.entities.get(_SHIP, "")
        return row["charge_id"] == self.entities.get(_CHARGE) and str(row["tracking_number"]).startswith(shipment)


def read_ledger(path: Path) -> list[dict[str, Any]]:
    """Every whole line of the stand-ins' ledger."""
    data = path.read_bytes() if path.exists() else b""
    return [orjson.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def open_books(lines: Iterable[Mapping[str, Any]], rows: Rows, order_ids: Iterable[str]) -> dict[str, OrderBook]:
    """One book per order; effects of other orders are passed over."""
    books = {order_id: OrderBook(row=rows.get(order_id)) for order_id in order_ids}
    seen: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for line in lines:
        reference = str(line["reference"])
        order_id = reference if reference in books else reference.rpartition("-")[0]
        book = books.get(order_id)
        if book is None:
            continue
        what = f"{line['vendor']}.{line['action']}"
        if line["outcome"] != "effect":
            book.repeats += 1
            continue
        book.done[what] += 1
        book.entities[what] = str(line["entity_id"])
        seen[order_id][what, reference] += 1
    for order_id, counts in seen.items():
        twice = [
            f"{what} {reference} happened {count} times" for (what, reference), count in counts.items() if count > 1
        ]
        books[order_id].twice = twice
    return books


def effects(books: Mapping[str, OrderBook]) -> Counter[str]:
    """How often what happened, over all orders."""
    total: Counter[str] = Counter()
    for book in books.values():
        total.update(book.done)
    return total
