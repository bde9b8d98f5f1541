"""An element of a resource as FHIRPath sees it: a JSON value with its type and its ``_field`` extensions."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from fhir_plugin.validation.fhirpath.values import Moment, Quantity
from fhir_plugin.validation.schema import Field, Schema
from fhir_plugin.validation.snapshots import Json

__all__ = ["Item", "Node", "TypeInfo", "system_value"]

Item = Any
"""A Node, or a system value: bool, int, Decimal, str, Moment, Quantity."""

_MOMENTS = frozenset({"date", "dateTime", "instant"})
_NUMBERS = frozenset({"integer", "positiveInt", "unsignedInt", "decimal"})


class TypeInfo(NamedTuple):
    """What ``type()`` yields."""

    namespace: str
    name: str


class Node:
    """One element.

    Attributes:
        value: JSON object, or the primitive's value (None where only extensions are given).
        extra: the ``_field`` object of a primitive, or None.
        type_key: its type or inline path (see ``fhir_plugin.validation.schema``).
    """

    __slots__ = ("extra", "schema", "type_key", "value")

    def __init__(self, schema: Schema, value: Any, type_key: str, extra: Json | None = None) -> None:
        self.schema = schema
        self.value = value
        self.type_key = type_key
        self.extra = extra

    @classmethod
    def of_resource(cls, schema: Schema, resource: Json) -> Node:
        """A whole resource."""
        return cls(schema, resource, str(resource.get("resourceType", "")))

    @property
    def type_name(self) -> str:
        """The type without the path: ``BackboneElement`` for an inline element."""
        if "." in self.type_key:
            element = self.schema.element(self.type_key)
            return element.types[0].code if element and element.types else "BackboneElement"
        return self.type_key

    def child(self, name: str) -> list[Node]:
        """The children of one name; a choice is found by its stem."""
        if type(self.value) is not dict:
            return self._inside_primitive(name)
        direct = self.schema.fields(self.type_key).get(name)
        if direct is not None and direct.name == name:
            return self._read(direct)
        found: list[Node] = []
        for one in self.schema.named(self.type_key, name):
            if one.json_name in self.value or f"_{one.json_name}" in self.value:
                found += self._read(one)
        return found

    def children(self) -> Iterator[Node]:
        """All children, in the order of the definition."""
        if type(self.value) is not dict:
            yield from self._inside_primitive("id")
            yield from self._inside_primitive("extension")
            return
        for name, one in self.schema.fields(self.type_key).items():
            if name in self.value or f"_{name}" in self.value:
                yield from self._read(one)

    def descendants(self) -> Iterator[Node]:
        """Children, their children and so on."""
        for child in self.children():
            yield child
            yield from child.descendants()

    def _inside_primitive(self, name: str) -> list[Node]:
        if self.extra and name in ("id", "extension") and name in self.extra:
            return Node(self.schema, self.extra, "Element").child(name)
        return []

    def _read(self, spec: Field) -> list[Node]:
        value = self.value.get(spec.json_name)
        schema = self.schema
        if not spec.is_primitive:
            values = value if type(value) is list else () if value is None else (value,)
            key = spec.type_key
            if key == "Resource":
                return [Node.of_resource(schema, one) for one in values if type(one) is dict]
            return [Node(schema, one, key) for one in values if type(one) is dict]
        extra = self.value.get(f"_{spec.json_name}")
        if extra is None:
            key = spec.type_key
            if type(value) is list:
                return [Node(schema, one, key) for one in value if one is not None]
            return [] if value is None else [Node(schema, value, key)]
        values = value if type(value) is list else [value]
        extras = extra if type(extra) is list else [extra]
        width = max(len(values), len(extras))
        pairs = ((_at(values, place), _at(extras, place)) for place in range(width))
        return [
            Node(schema, one, spec.type_key, more if type(more) is dict else None)
            for one, more in pairs
            if one is not None or more is not None
        ]


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else None


def system_value(item: Item) -> Any:
    """The system value of an item; the item itself where it has none (complex types).

    http://hl7.org/fhir/R4/fhirpath.html#types
    """
    if type(item) is not Node:
        return item
    value, key = item.value, item.type_key
    if type(value) is dict:
        return _quantity(item) if _is_quantity(item) else item
    if value is None or type(value) is bool:
        return value
    if key in _NUMBERS:
        return _number(value)
    if key in _MOMENTS:
        moment = Moment.parse(str(value))
        return str(value) if moment is None else moment
    if key == "time":
        return Moment.time(str(value)) or str(value)
    return value if type(value) is str else _number(value)


def _number(value: Any) -> Any:
    if type(value) is int:
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return value


def _is_quantity(item: Node) -> bool:
    return item.type_key in ("Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity", "MoneyQuantity")


def _quantity(item: Node) -> Any:
    value = item.value.get("value")
    number = _number(value) if value is not None and type(value) is not bool else None
    if not isinstance(number, int | Decimal):
        return item
    return Quantity(Decimal(number), str(item.value.get("code") or item.value.get("unit") or "1"))
