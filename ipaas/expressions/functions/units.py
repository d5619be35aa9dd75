"""Functions over units of measure, exact in decimals; names are those of SI and trade, or codes of UN/ECE Rec. 20."""

from decimal import Decimal
from typing import Any, Final

from ipaas.expressions import operators as op
from ipaas.expressions.errors import ExpressionValue
from ipaas.expressions.limits import Budget
from ipaas.expressions.registry import Number, function

GROUP = "Numbers and money"

_UNITS: Final[dict[str, tuple[str, str]]] = {
    # name: (quantity, how many of its base unit), exact by definition
    "g": ("mass", "0.001"), "kg": ("mass", "1"), "mg": ("mass", "0.000001"), "t": ("mass", "1000"),
    "lb": ("mass", "0.45359237"), "oz": ("mass", "0.028349523125"), "st": ("mass", "6.35029318"),
    "mm": ("length", "0.001"), "cm": ("length", "0.01"), "m": ("length", "1"), "km": ("length", "1000"),
    "in": ("length", "0.0254"), "ft": ("length", "0.3048"), "yd": ("length", "0.9144"), "mi": ("length", "1609.344"),
    "nmi": ("length", "1852"),
    "mm2": ("area", "0.000001"), "cm2": ("area", "0.0001"), "m2": ("area", "1"), "ha": ("area", "10000"),
    "km2": ("area", "1000000"), "sqft": ("area", "0.09290304"), "acre": ("area", "4046.8564224"),
    "ml": ("volume", "0.000001"), "cl": ("volume", "0.00001"), "l": ("volume", "0.001"), "m3": ("volume", "1"),
    "cm3": ("volume", "0.000001"), "gal": ("volume", "0.003785411784"), "floz": ("volume", "0.0000295735295625"),
    "impgal": ("volume", "0.00454609"),
    "s": ("time", "1"), "min": ("time", "60"), "h": ("time", "3600"), "d": ("time", "86400"), "wk": ("time", "604800"),
    "j": ("energy", "1"), "kj": ("energy", "1000"), "wh": ("energy", "3600"), "kwh": ("energy", "3600000"),
    "pa": ("pressure", "1"), "kpa": ("pressure", "1000"), "bar": ("pressure", "100000"),
    "b": ("data", "1"), "kb": ("data", "1000"), "mb": ("data", "1000000"), "gb": ("data", "1000000000"),
    "kib": ("data", "1024"), "mib": ("data", "1048576"), "gib": ("data", "1073741824"),
    "pc": ("count", "1"), "dz": ("count", "12"), "gro": ("count", "144"), "c": ("temperature", "1"),
    "f": ("temperature", "1"), "k": ("temperature", "1"),
}  # fmt: skip
_CODES: Final = {
    "grm": "g", "kgm": "kg", "mgm": "mg", "tne": "t", "lbr": "lb", "onz": "oz", "mmt": "mm", "cmt": "cm",
    "mtr": "m", "kmt": "km", "inh": "in", "fot": "ft", "yrd": "yd", "smi": "mi", "nmi": "nmi", "mmk": "mm2",
    "cmk": "cm2", "mtk": "m2", "har": "ha", "kmk": "km2", "ftk": "sqft", "acr": "acre", "mlt": "ml", "clt": "cl",
    "ltr": "l", "mtq": "m3", "cmq": "cm3", "gll": "gal", "oza": "floz", "gli": "impgal", "sec": "s", "hur": "h",
    "day": "d", "wee": "wk", "jou": "j", "kjo": "kj", "whr": "wh", "kwh": "kwh", "pal": "pa", "kpa": "kpa",
    "pce": "pc", "h87": "pc", "ea": "pc", "c62": "pc", "dzn": "dz", "cel": "c", "fah": "f", "kel": "k",
}  # fmt: skip
_CELSIUS: Final = {"c": (1, 1, 0), "k": (1, 1, Decimal("-273.15")), "f": (5, 9, Decimal(-32))}


@function(
    GROUP,
    ("convert_unit(10, 'lb', 'kg')", Decimal("4.5359237")),
    ("convert_unit(1.5, 'MTR', 'CMT')", 150),
    ("convert_unit(212, 'F', 'C')", 100),
)
def convert_unit(budget: Budget, value: Number, source: str, target: str) -> Any:
    """A measure in another unit: mass, length, area, volume, time, energy, pressure, data, temperature, pieces.

    Units by their usual sign (kg, lb, cm, ft, l, gal, kWh, bar, MiB, dz, F) or code (KGM, LBR, CMT, LTR), in any case.
    """
    one, other = _unit(source), _unit(target)
    if _UNITS[one][0] != _UNITS[other][0]:
        raise ExpressionValue(f"{_UNITS[one][0]} has no measure in {_UNITS[other][0]}")
    if one in _CELSIUS:
        found = _temperature(budget, value, one, other)
    else:
        found = op.div(budget, op.mul(budget, value, Decimal(_UNITS[one][1])), Decimal(_UNITS[other][1]))
    return int(found) if found == int(found) else found.normalize(op.CONTEXT)


def _unit(text: str) -> str:
    name = text.strip().lower()[:12].replace("²", "2").replace("³", "3")
    name = _CODES.get(name, name)
    if name not in _UNITS:
        raise ExpressionValue(reason="there is no such unit", hint=f"Use one of {', '.join(_UNITS)}, or its code.")
    return name


def _temperature(budget: Budget, value: Number, one: str, other: str) -> Any:
    times, parts, shift = _CELSIUS[one]
    celsius = op.div(budget, op.mul(budget, op.add(budget, value, shift), times), parts)
    times, parts, shift = _CELSIUS[other]
    return op.add(budget, op.div(budget, op.mul(budget, celsius, parts), times), op.mul(budget, shift, -1))
