"""From a resource to the rows of the search index."""

from __future__ import annotations

from dataclasses import dataclass, field

from smart_app.sandbox.fhir.outcome import Json
from smart_app.sandbox.fhir.parameters import Parameter, parameters_of
from smart_app.sandbox.fhir.values import dates, reference_key, strings, tokens

__all__ = ["IndexRows", "index_rows"]


@dataclass(slots=True)
class IndexRows:
    """Rows per table, collected over many resources so that they can be written in bulk."""

    tokens: list[tuple[int, str, str, str]] = field(default_factory=list)
    references: list[tuple[int, str, str, str]] = field(default_factory=list)
    dates: list[tuple[int, str, int, int]] = field(default_factory=list)
    strings: list[tuple[int, str, str]] = field(default_factory=list)


def index_rows(key: int, resource: Json, base_url: str, rows: IndexRows) -> None:
    """Add the index rows of one resource."""
    for parameter in parameters_of(resource["resourceType"]).values():
        for element in parameter.select(resource):
            _ADD[parameter.kind](key, parameter, element, base_url, rows)


def _token(key: int, parameter: Parameter, element: object, _base: str, rows: IndexRows) -> None:
    rows.tokens.extend((key, parameter.name, system, code) for system, code in tokens(element))


def _uri(key: int, parameter: Parameter, element: object, _base: str, rows: IndexRows) -> None:
    if isinstance(element, str):
        rows.tokens.append((key, parameter.name, "", element))


def _date(key: int, parameter: Parameter, element: object, _base: str, rows: IndexRows) -> None:
    rows.dates.extend((key, parameter.name, low, high) for low, high in dates(element))


def _string(key: int, parameter: Parameter, element: object, _base: str, rows: IndexRows) -> None:
    rows.strings.extend((key, parameter.name, text) for text in strings(element))


def _reference(key: int, parameter: Parameter, element: object, base: str, rows: IndexRows) -> None:
    if not isinstance(element, dict):
        return
    literal = element.get("reference")
    if isinstance(literal, str):
        kind, identity = reference_key(literal, base)
        if not parameter.target or parameter.target == kind:
            rows.references.append((key, parameter.name, kind, identity))
    logical = element.get("identifier")
    if isinstance(logical, dict):
        rows.tokens.extend((key, f"{parameter.name}:identifier", *pair) for pair in tokens(logical))


_ADD = {"token": _token, "uri": _uri, "date": _date, "string": _string, "reference": _reference}
