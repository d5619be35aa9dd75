"""The functions of the expression language; importing this package registers them."""

from ipaas.expressions.functions import (
    calendar,
    chance,
    data,
    dates,
    identifiers,
    lists,
    money,
    numbers,
    objects,
    places,
    shapes,
    texts,
    units,
)

__all__ = [
    "calendar",
    "chance",
    "data",
    "dates",
    "identifiers",
    "lists",
    "money",
    "numbers",
    "objects",
    "places",
    "shapes",
    "texts",
    "units",
]
