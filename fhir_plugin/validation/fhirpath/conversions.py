"""Conversions and mathematics (http://hl7.org/fhirpath/N1/#conversion, #math)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.node import Item
from fhir_plugin.validation.fhirpath.operators import single, single_integer
from fhir_plugin.validation.fhirpath.values import Moment, Quantity

__all__ = ["PLAIN"]

Items = list[Item]
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})
_INTEGER = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?\d+(?:\.\d+)?")
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)(?:\s*(?:'([^']+)'|([a-zA-Z]+)))?")


def _convert(function: Callable[[Any], Any]) -> Callable[[Items], Items]:
    def run(focus: Items) -> Items:
        value = single(focus)
        result = None if value is None else function(value)
        return [] if result is None else [result]

    return run


def _convertible(function: Callable[[Any], Any]) -> Callable[[Items], Items]:
    def run(focus: Items) -> Items:
        value = single(focus)
        return [] if value is None else [function(value) is not None]

    return run


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    text = str(value).lower() if isinstance(value, str | int | Decimal) else ""
    return True if text in _TRUE else False if text in _FALSE else None


def _integer(value: Any) -> int | None:
    if isinstance(value, int):
        return int(value)
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, int | Decimal):
        return Decimal(value)
    return Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


def _string(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Moment):
        return value.text
    if isinstance(value, Quantity):
        return f"{value.value} {value.unit}" if value.unit.isalpha() and len(value.unit) > 3 else (
            f"{value.value} '{value.unit}'"
        )  # fmt: skip
    return str(value) if isinstance(value, str | int | Decimal) else None


def _date(value: Any) -> Moment | None:
    if isinstance(value, str):
        value = Moment.parse(value)
    if not isinstance(value, Moment) or value.kind == "time":
        return None
    return Moment("date", value.parts[:3], None, value.text.partition("T")[0])


def _date_time(value: Any) -> Moment | None:
    if isinstance(value, str):
        value = Moment.parse(value)
    if not isinstance(value, Moment) or value.kind == "time":
        return None
    return Moment("dateTime", value.parts, value.offset, value.text)


def _time(value: Any) -> Moment | None:
    if isinstance(value, str):
        return Moment.time(value)
    return value if isinstance(value, Moment) and value.kind == "time" else None


def _quantity(value: Any) -> Quantity | None:
    if isinstance(value, Quantity):
        return value
    if isinstance(value, int | Decimal):
        return Quantity(Decimal(value), "1")
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    return Quantity(Decimal(match[1]), match[2] or match[3] or "1") if match else None


def _number(function: Callable[[Decimal], Any]) -> Callable[[Items], Items]:
    def run(focus: Items) -> Items:
        value = single(focus)
        if value is None:
            return []
        if isinstance(value, Quantity):
            return [Quantity(Decimal(function(value.value)), value.unit)]
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise FhirPathError("a number is expected")
        try:
            return [function(Decimal(value))]
        except (ValueError, InvalidOperation):
            return []

    return run


def _abs(focus: Items) -> Items:
    value = single(focus)
    if value is None:
        return []
    return [Quantity(abs(value.value), value.unit) if isinstance(value, Quantity) else abs(value)]


def _round(focus: Items, places: Items | None = None) -> Items:
    value, digits = single(focus), single_integer(places) if places else 0
    if value is None:
        return []
    return [Decimal(value).quantize(Decimal(1).scaleb(-(digits or 0)), ROUND_HALF_UP)]


def _to_integral(mode: str) -> Callable[[Decimal], int]:
    return lambda value: int(value.to_integral_value(mode))


def _power(focus: Items, exponent: Items) -> Items:
    base, power = single(focus), single(exponent)
    if base is None or power is None:
        return []
    try:
        result = Decimal(base) ** Decimal(power)
    except InvalidOperation:
        return []
    return [int(result) if type(base) is int and type(power) is int and power >= 0 else result]


def _log(focus: Items, base: Items) -> Items:
    value, root = single(focus), single(base)
    return [] if value is None or root is None else [Decimal(str(round(math.log(value, root), 12)))]


def _now(_focus: Items) -> Items:
    found = Moment.parse(datetime.now().astimezone().isoformat(timespec="milliseconds"))
    return [found] if found else []


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "Boolean": _boolean,
    "Integer": _integer,
    "Decimal": _decimal,
    "String": _string,
    "Date": _date,
    "DateTime": _date_time,
    "Time": _time,
    "Quantity": _quantity,
}
PLAIN: dict[str, tuple[int, int, Callable[..., Items]]] = {
    **{f"to{name}": (0, 0, _convert(function)) for name, function in _CONVERSIONS.items()},
    **{f"convertsTo{name}": (0, 0, _convertible(function)) for name, function in _CONVERSIONS.items()},
    "abs": (0, 0, _abs),
    "ceiling": (0, 0, _number(_to_integral(ROUND_CEILING))),
    "floor": (0, 0, _number(_to_integral(ROUND_FLOOR))),
    "truncate": (0, 0, _number(_to_integral(ROUND_DOWN))),
    "exp": (0, 0, _number(lambda value: value.exp())),
    "ln": (0, 0, _number(lambda value: value.ln())),
    "sqrt": (0, 0, _number(lambda value: value.sqrt())),
    "log": (1, 1, _log),
    "power": (1, 1, _power),
    "round": (0, 1, _round),
    "now": (0, 0, _now),
    "today": (0, 0, lambda focus: [_date(_now(focus)[0])]),
    "timeOfDay": (0, 0, lambda focus: [Moment.time(_now(focus)[0].text.partition("T")[2][:12])]),
}
