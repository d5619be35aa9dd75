"""Realistic storefront orders, equal for equal seeds."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_FIRST = ("Anna", "Bela", "Clara", "Dario", "Elif", "Finn", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Luca", "Mira")
_LAST = ("Adler", "Brandt", "Costa", "Dorn", "Ekström", "Fabre", "Gruber", "Hansen", "Ivanova", "Jansen", "Keller")
_PLACES = (
    ("Berlin", "10115", "DE", "Invalidenstraße"),
    ("Hamburg", "20095", "DE", "Mönckebergstraße"),
    ("Wien", "1010", "AT", "Kärntner Straße"),
    ("Zürich", "8001", "CH", "Bahnhofstrasse"),
    ("Amsterdam", "1012", "NL", "Damrak"),
    ("København", "1050", "DK", "Gothersgade"),
)
_GOODS = (
    ("MUG-350-BLU", "Stoneware mug 350 ml, blue", 1490, 410),
    ("TEA-OOL-100", "Oolong tea, 100 g", 1250, 130),
    ("POT-CST-24", "Cast iron pot, 24 cm", 8900, 4300),
    ("KNF-SAN-17", "Santoku knife, 17 cm", 6450, 260),
    ("BRD-OAK-L", "Oak cutting board, large", 3990, 1900),
    ("APR-LIN-GRY", "Linen apron, grey", 2790, 320),
    ("SPN-SET-05", "Olive wood spoons, set of 5", 1890, 240),
)
TAX_PERCENT = 19
_YEAR_AND_HALF = 1_000_000  # orders, one every 47 seconds; then the dates begin anew


def order(seed: int, number: int) -> dict[str, Any]:
    """The storefront's order ``number`` of a seed: about 1 KB, money in minor units, totals that add up."""
    dice = random.Random(f"order:{seed}:{number}")  # noqa: S311 - sample data, not a secret
    lines = [_line(position, *dice.choice(_GOODS), dice.randint(1, 3)) for position in range(1, dice.randint(1, 3) + 1)]
    subtotal = sum(line["total_minor"] for line in lines)
    shipping = 0 if subtotal >= 7500 else 490
    total = subtotal + shipping
    placed = _EPOCH + timedelta(seconds=number % _YEAR_AND_HALF * 47 + dice.randint(0, 40))
    first, last = dice.choice(_FIRST), dice.choice(_LAST)
    customer_id = dice.randint(1000, 9999)
    return {
        "id": f"ord_{seed:04d}{number:07d}",
        "number": f"FH-{seed}-{100000 + number}",
        "status": "placed",
        "placed_at": placed.isoformat().replace("+00:00", "Z"),
        "updated_at": placed.isoformat().replace("+00:00", "Z"),
        "currency": "EUR",
        "customer": {
            "id": f"cus_{customer_id}",
            "first_name": first,
            "last_name": last,
            "email": f"{_ascii(first)}.{_ascii(last)}{customer_id}@shop.example",
            "phone": f"+49 30 5550{dice.randint(1000, 9999)}",
        },
        "shipping_address": _address(dice, f"{first} {last}"),
        "lines": lines,
        "subtotal_minor": subtotal,
        "shipping_minor": shipping,
        "tax_minor": total * TAX_PERCENT // (100 + TAX_PERCENT),
        "total_minor": total,
        "payment_token": f"tok_{dice.getrandbits(64):016x}",
        "note": dice.choice((None, None, "Please leave it with the neighbour.", "It is a gift.")),
    }


def order_of(order_id: str) -> dict[str, Any]:
    """The order with an id as ``order`` makes them."""
    digits = order_id.removeprefix("ord_")
    return order(int(digits[:4]), int(digits[4:]))


def deliveries(
    *, seed: int, count: int, event: str = "order.created", start: int = 1
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Delivery id and body of ``count`` webhooks; the ids are as constant as the orders."""
    for number in range(start, start + count):
        body = order(seed, number)
        yield f"dlv_{body['id']}_{event.rpartition('.')[2]}", {"event": event, "order": body}


def disturbed(
    items: list[tuple[str, dict[str, Any]]], *, seed: int, duplicate_percent: float = 0, out_of_order: bool = False
) -> list[tuple[str, dict[str, Any]]]:
    """Deliveries as an unreliable sender makes them: some twice, the order shuffled within ten."""
    dice = random.Random(f"disturb:{seed}")  # noqa: S311 - sample data, not a secret
    result = [copy for item in items for copy in ([item] * (2 if dice.random() * 100 < duplicate_percent else 1))]
    if out_of_order:
        places = sorted(range(len(result)), key=lambda index: index + dice.uniform(0, 10))
        result = [result[index] for index in places]
    return result


def _line(position: int, sku: str, title: str, price: int, grams: int, quantity: int) -> dict[str, Any]:
    return {
        "position": position,
        "sku": sku,
        "title": title,
        "quantity": quantity,
        "unit_price_minor": price,
        "total_minor": price * quantity,
        "weight_g": grams * quantity,
    }


def _address(dice: random.Random, name: str) -> dict[str, Any]:
    city, postcode, country, street = dice.choice(_PLACES)
    return {
        "name": name,
        "street": f"{street} {dice.randint(1, 180)}",
        "city": city,
        "postal_code": postcode,
        "country": country,
    }


def _ascii(name: str) -> str:
    return name.lower().replace("ö", "oe")
