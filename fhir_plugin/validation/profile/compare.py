"""Fixed values, patterns and bounds (http://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.fixed_x_)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from fhir_plugin.validation.fhirpath.values import Moment, Quantity, compare_moments, compare_quantities
from fhir_plugin.validation.profile.narratives import narrative_checks
from fhir_plugin.validation.scope import Path, Scope
from fhir_plugin.validation.snapshots import Element

__all__ = ["constant", "differences", "earliest", "matches_pattern", "order", "same", "value_checks"]

Json = dict[str, Any]
Check = Callable[[Any, Any, Path, Scope], None]

_R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition."
_MUST_HAVE_VALUE = f"{_R5}mustHaveValue"
_VALUE_ALTERNATIVES = f"{_R5}valueAlternatives"
_LEAST_LENGTH = "http://hl7.org/fhir/StructureDefinition/minLength"


def constant(element: Element, kind: str) -> Any:
    """The value under ``fixed[x]``, ``pattern[x]``, ``minValue[x]``, …; None where there is none."""
    width = len(kind)
    for name, value in element.raw.items():
        if name.startswith(kind) and name[width : width + 1].isupper():
            return value
    return None


def same(expected: Any, actual: Any) -> bool:
    """Equality of JSON values, numbers by value; true is not 1."""
    if type(expected) is dict and type(actual) is dict:
        return expected.keys() == actual.keys() and all(same(value, actual[name]) for name, value in expected.items())
    if type(expected) is list and type(actual) is list:
        return len(expected) == len(actual) and all(map(same, expected, actual))
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    return bool(expected == actual)


def matches_pattern(expected: Any, actual: Any) -> bool:
    """Whether a value has at least what the pattern says; each item of a list in the pattern is somewhere in it."""
    if type(expected) is dict:
        return type(actual) is dict and all(
            matches_pattern(value, actual.get(name)) for name, value in expected.items()
        )
    if type(expected) is list:
        return type(actual) is list and all(any(matches_pattern(one, other) for other in actual) for one in expected)
    return same(expected, actual)


def differences(expected: Any, actual: Any, path: Path) -> Iterator[tuple[str, Path]]:
    """Where a value differs from a fixed one."""
    if type(expected) is dict and type(actual) is dict:
        for name in actual.keys() - expected.keys():
            yield "fixed-extra", (path, name, None)
        for name, value in expected.items():
            if name not in actual:
                yield "fixed-missing", path
            elif not same(value, actual[name]):
                yield from differences(value, actual[name], (path, name, None))
    elif type(expected) is list and type(actual) is list and len(expected) == len(actual):
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            if not same(one, other):
                yield from differences(one, other, (path[0], path[1], index))
    elif not same(expected, actual):
        yield "fixed-value", path


def value_checks(element: Element, base: Element | None, source: str) -> list[Check]:
    """Checks on the value itself that a profile adds."""
    known = base.raw if base is not None else {}
    found: list[Check] = []
    fixed, pattern = constant(element, "fixed"), constant(element, "pattern")
    if fixed is not None and (base is None or not same(fixed, constant(base, "fixed"))):
        found.append(_fixed(fixed, source))
    if pattern is not None:
        found.append(_pattern(pattern, source))
    length = element.raw.get("maxLength")
    if type(length) is int and length != known.get("maxLength"):
        found.append(_max_length(length, source))
    found += _backported(element, source)
    found += narrative_checks(element.raw, source)
    for kind, sign in (("minValue", -1), ("maxValue", 1)):
        bound = constant(element, kind)
        if bound is not None:
            found.append(_bound(bound, sign, source))
    return found


def _backported(element: Element, source: str) -> list[Check]:
    """What profiles of R4 say by extension because ElementDefinition has it since R5, and the least length."""
    found: list[Check] = []
    alternatives = []
    for one in element.raw.get("extension", ()):
        url = str(one.get("url"))
        if url == _LEAST_LENGTH and type(one.get("valueInteger")) is int:
            found.append(_min_length(one["valueInteger"], source))
        elif url == _MUST_HAVE_VALUE and one.get("valueBoolean") is True:
            found.append(_value_or((), source))
        elif url == _VALUE_ALTERNATIVES:
            alternatives.append(str(one.get("valueCanonical")))
    if alternatives:
        found.append(_value_or(tuple(alternatives), source))
    return found


def _min_length(limit: int, source: str) -> Check:
    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        if type(value) is str and len(value) < limit:
            scope.error("min-length", path, ("min", str(limit)), ("found", str(len(value))), source=source)

    return check


def _value_or(urls: tuple[str, ...], source: str) -> Check:
    def check(value: Any, extra: Any, path: Path, scope: Scope) -> None:
        given = extra.get("extension") if value is None and type(extra) is dict else ()
        if value is None and not any(type(one) is dict and one.get("url") in urls for one in given or ()):
            scope.error("value-required", path, ("alternatives", ", ".join(urls)[:120]), source=source)

    return check


def _fixed(expected: Any, source: str) -> Check:
    def check(value: Any, extra: Any, path: Path, scope: Scope) -> None:
        if not same(expected, value):
            for code, place in differences(expected, value, path):
                scope.error(code, place, ("expected", _short(expected)), source=source)
        elif extra:
            scope.error("fixed-extra", path, ("expected", _short(expected)), source=source)

    return check


def _pattern(expected: Any, source: str) -> Check:
    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        if not matches_pattern(expected, value):
            scope.error("pattern-value", path, ("expected", _short(expected)), source=source)

    return check


def _max_length(limit: int, source: str) -> Check:
    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        if type(value) is str and len(value) > limit:
            scope.error("max-length", path, ("max", str(limit)), ("found", str(len(value))), source=source)

    return check


def _bound(bound: Any, sign: int, source: str) -> Check:
    code = "value-above-maximum" if sign > 0 else "value-below-minimum"

    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        found = order(value, bound)
        if found is not None and found * sign > 0:
            scope.error(code, path, ("bound", _short(bound)), source=source)

    return check


def earliest(value: Any) -> Any:
    """A year or month as its first day, anything else as it is: bounds of forms take ``2022-06`` as a day."""
    if type(value) is str and len(value) in (4, 7) and value[:4].isdigit() and Moment.parse(value) is not None:
        return value + "-01-01"[len(value) - 10 :]
    return value


def order(value: Any, bound: Any) -> int | None:
    """-1, 0 or 1 for two values of one kind: numbers, dates and times, quantities; None where they do not compare."""
    if type(value) is dict and type(bound) is dict:
        amount, limit = _quantity(value), _quantity(bound)
        return compare_quantities(amount, limit) if amount is not None and limit is not None else None
    if type(value) is str and type(bound) is str:
        one, other = _moment(value), _moment(bound)
        return compare_moments(one, other) if one is not None and other is not None else None
    numbers = (int, float, Decimal)
    if type(value) in numbers and type(bound) in numbers:
        return int(value > bound) - int(value < bound)
    return None


def _quantity(value: Json) -> Quantity | None:
    number = value.get("value")
    if type(number) not in (int, float, Decimal):
        return None
    return Quantity(Decimal(str(number)), str(value.get("code") or value.get("unit") or "1"))


def _moment(text: str) -> Moment | None:
    return Moment.time(text) if text[2:3] == ":" else Moment.parse(text)


def _short(value: Any) -> str:
    """A constant of a profile as text for a sentence."""
    if type(value) is dict:
        return ", ".join(f"{name} {_short(one)}" for name, one in value.items())[:200]
    if type(value) is list:
        return "; ".join(map(_short, value))[:200]
    return str(value).lower() if type(value) is bool else str(value)[:200]
