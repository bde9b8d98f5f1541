"""One property of an object as a profile sees it: how many, of which types, in which slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_plugin.validation.profile.slicing import Occurrence, Slicing
from fhir_plugin.validation.schema import Field
from fhir_plugin.validation.scope import Path, Scope
from fhir_plugin.validation.snapshots import Element

__all__ = ["Member"]

Check = Callable[[Any, Any, Path, Scope], None]
Reader = Callable[[Any, Path], list["Occurrence"]]
Readers = tuple[tuple[Reader, Check | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What a profile asks of one property.

    Attributes:
        fields: the JSON properties it may come in.
        checks: what is asked of a value, per JSON property.
        forbidden: JSON properties of a choice that the profile rules out.
    """

    element: Element
    base: Element
    fields: tuple[Field, ...]
    checks: Mapping[str, Check | None]
    forbidden: tuple[Field, ...]
    slicing: Slicing | None
    source: str

    @property
    def matters(self) -> bool:
        """Whether anything is asked that the base does not ask."""
        return bool(
            self._minimum or self._maximum is not None or self.forbidden or self.slicing or any(self.checks.values())
        )

    @property
    def _minimum(self) -> int:
        return self.element.minimum if self.element.minimum > self.base.minimum else 0

    @property
    def _maximum(self) -> int | None:
        limit = self.element.maximum
        return None if limit is None or limit == self.base.maximum else limit

    def check(self) -> Check:
        """The closure over an object (or over the ``_field`` object of a primitive)."""
        minimum, maximum, slicing = self._minimum, self._maximum, self.slicing
        readers = tuple((_reader(one), self.checks[one.json_name]) for one in self.fields)
        forbidden = tuple((_reader(one), one.type_use.code) for one in self.forbidden)
        label, source = self.element.path, self.source

        def check(value: Any, extra: Any, path: Path, scope: Scope) -> None:
            holder = value if type(value) is dict else extra
            if type(holder) is not dict:
                holder = {}
            found = _read(readers, holder, path, scope)
            for read, code in forbidden:
                for one in read(holder, path):
                    found.append(one)
                    scope.error("type-not-allowed", one.path, ("found", code), ("allowed", ""), source=source)
            count = len(found)
            if count < minimum:
                _report(scope, "cardinality-min", path, label, ("min", str(minimum)), count, source)
            if maximum is not None and count > maximum:
                _report(scope, "cardinality-max", path, label, ("max", str(maximum)), count, source)
            if slicing is not None:
                slicing.apply(found, path, scope)

        return check


def _read(readers: Readers, holder: Any, path: Path, scope: Scope) -> list[Occurrence]:
    """The values of an element, each checked by what is asked of its type."""
    found: list[Occurrence] = []
    for read, own in readers:
        some = read(holder, path)
        if own is not None:
            for one in some:
                own(one.value, one.extra, one.path, scope)
        found += some
    return found


def _report(scope: Scope, code: str, path: Path, label: str, limit: tuple[str, str], count: int, source: str) -> None:
    scope.error(code, path, ("element", label), limit, ("found", str(count)), source=source)


def _reader(spec: Field) -> Reader:
    name, under, segment, key = spec.json_name, f"_{spec.json_name}", spec.segment, spec.type_key

    def read_complex(holder: Any, path: Path) -> list[Occurrence]:
        value = holder.get(name)
        if value is None:
            return []
        if type(value) is list:
            return [Occurrence(one, None, (path, segment, index), key) for index, one in enumerate(value)]
        return [Occurrence(value, None, (path, segment, None), key)]

    def read_primitive(holder: Any, path: Path) -> list[Occurrence]:
        value, extra = holder.get(name), holder.get(under)
        if value is None and extra is None:
            return []
        if type(value) is not list and type(extra) is not list:
            return [Occurrence(value, extra, (path, segment, None), key)]
        values = value if type(value) is list else []
        extras = extra if type(extra) is list else []
        return [
            Occurrence(
                values[index] if index < len(values) else None,
                extras[index] if index < len(extras) else None,
                (path, segment, index),
                key,
            )
            for index in range(max(len(values), len(extras)))
        ]

    return read_primitive if spec.is_primitive else read_complex
