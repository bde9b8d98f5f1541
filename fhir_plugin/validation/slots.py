"""Properties of an object: one value or many, with what stands beside a primitive in ``_field``.

A slot is called as ``slot(value, parent, path, scope)`` with the JSON property's value and the object it is in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fhir_plugin.validation.plain import NEVER, Fits
from fhir_plugin.validation.schema import Field
from fhir_plugin.validation.scope import Path, Scope
from fhir_plugin.validation.snapshots import Json

__all__ = ["RESOURCE_TYPE", "Slot", "last_of_choice", "slot_of", "unknown_slot"]

Check = Callable[[Any, Any, Path, Scope], None]
SlotCheck = Callable[[Any, Json, Path, Scope], None]


class Slot(NamedTuple):
    """How a property is checked.

    Attributes:
        fits: accepts texts that need no check.
        check: the check of everything else.
    """

    fits: Fits
    check: SlotCheck


def slot_of(spec: Field, check: Check, fits: Fits, *, extra: bool) -> Slot:
    """The slot of a JSON property.

    Args:
        spec: the field.
        check: the check of one value.
        fits: the quick test of one value.
        extra: whether this is ``_field``.
    """
    if extra:
        return Slot(NEVER, _extra_list(spec, check) if spec.is_list else _extra_single(spec, check))
    if not spec.is_primitive:
        return Slot(NEVER, _complex_list(spec, check) if spec.is_list else _complex_single(spec, check))
    if spec.is_list:
        return Slot(NEVER, _primitive_list(spec, check, fits))
    return Slot(fits, _primitive_single(spec, check))


def last_of_choice(slot: Slot, element: str, count: int) -> Slot:
    """The last of several properties of one choice, where there may be one."""

    def check(value: Any, parent: Json, path: Path, scope: Scope) -> None:
        scope.error("cardinality-max", path, ("element", element), ("max", "1"), ("found", str(count)))
        if type(value) is not str or not slot.fits(value):
            slot.check(value, parent, path, scope)

    return Slot(NEVER, check)


def unknown_slot(name: str) -> Slot:
    """A property that the type does not have."""

    def check(_value: Any, _parent: Json, path: Path, scope: Scope) -> None:
        scope.error("element-unknown", path, ("name", name), at=(path, name, None))

    return Slot(NEVER, check)


def _resource_type(_value: Any, _parent: Json, _path: Path, _scope: Scope) -> None:
    """``resourceType`` was read before the resource was dispatched."""


RESOURCE_TYPE = Slot(bool, _resource_type)


def _primitive_single(spec: Field, check: Check) -> SlotCheck:
    segment, under = spec.segment, f"_{spec.json_name}"

    def slot(value: Any, parent: Json, path: Path, scope: Scope) -> None:
        if type(value) is list:
            scope.error("array-unexpected", (path, segment, None))
        elif value is None:
            scope.error("null-value", (path, segment, None))
        elif under not in parent:  # else both are checked together when ``_field`` is met
            check(value, None, (path, segment, None), scope)

    return slot


def _extra_single(spec: Field, check: Check) -> SlotCheck:
    """``_field``, and the value it stands beside."""
    segment, name = spec.segment, spec.json_name

    def slot(value: Any, parent: Json, path: Path, scope: Scope) -> None:
        here = (path, segment, None)
        beside = parent.get(name)
        if type(value) is list:
            scope.error("array-unexpected", here)
        elif value is None:
            scope.error("null-value", here)
        if name in parent:
            if beside is not None and type(beside) is not list:
                check(beside, value, here, scope)
        elif value is not None and type(value) is not list:
            check(None, value, here, scope)

    return slot


def _primitive_list(spec: Field, check: Check, fits: Fits) -> SlotCheck:
    segment, under = spec.segment, f"_{spec.json_name}"

    def slot(value: Any, parent: Json, path: Path, scope: Scope) -> None:
        if type(value) is not list:
            scope.error("array-expected", (path, segment, None))
            return
        if not value:
            scope.error("array-empty", (path, segment, None))
        extras = parent.get(under)
        if extras is None:
            for index, item in enumerate(value):
                if type(item) is not str or not fits(item):
                    check(item, None, (path, segment, index), scope)
        elif type(extras) is list:
            for index, item in enumerate(value):
                check(item, extras[index] if index < len(extras) else None, (path, segment, index), scope)
            for index in range(len(value), len(extras)):
                check(None, extras[index], (path, segment, index), scope)

    return slot


def _extra_list(spec: Field, check: Check) -> SlotCheck:
    """``_field`` of a list: beside the values it was seen already, alone it is the element."""
    segment, name = spec.segment, spec.json_name

    def slot(value: Any, parent: Json, path: Path, scope: Scope) -> None:
        if type(value) is not list:
            scope.error("array-expected", (path, segment, None))
        elif name not in parent:
            for index, item in enumerate(value):
                check(None, item, (path, segment, index), scope)

    return slot


def _complex_single(spec: Field, check: Check) -> SlotCheck:
    segment = spec.segment

    def slot(value: Any, _parent: Json, path: Path, scope: Scope) -> None:
        if type(value) is list:
            scope.error("array-unexpected", (path, segment, None))
        else:
            check(value, None, (path, segment, None), scope)

    return slot


def _complex_list(spec: Field, check: Check) -> SlotCheck:
    segment, maximum = spec.segment, spec.element.maximum

    def slot(value: Any, _parent: Json, path: Path, scope: Scope) -> None:
        if type(value) is not list:
            scope.error("array-expected", (path, segment, None))
            return
        if not value:
            scope.error("array-empty", (path, segment, None))
        elif maximum is not None and len(value) > maximum:
            scope.error(
                "cardinality-max", path, ("element", segment), ("max", str(maximum)), ("found", str(len(value)))
            )
        for index, item in enumerate(value):
            check(item, None, (path, segment, index), scope)

    return slot
