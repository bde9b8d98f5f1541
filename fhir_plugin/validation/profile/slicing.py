"""Slices: every value to its slice, every slice its number of values (http://hl7.org/fhir/R4/profiling.html#slicing)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fhir_plugin.validation.fhirpath import Node
from fhir_plugin.validation.profile.discriminators import Matcher
from fhir_plugin.validation.scope import Path, Scope

__all__ = ["Occurrence", "Slice", "Slicing"]

Check = Callable[[Any, Any, Path, Scope], None]


class Occurrence(NamedTuple):
    """One value of a sliced element."""

    value: Any
    extra: Any
    path: Path
    type_key: str


@dataclass(slots=True)
class Slice:
    """One slice.

    Attributes:
        matches: whether a value belongs here; None where the profile does not say how to tell.
        checks: per type key what else the slice asks of its values.
        inner: the re-slicing of this slice, if any.
    """

    name: str
    minimum: int
    maximum: int | None
    matches: Matcher | None
    checks: Callable[[str], Check | None]
    inner: Slicing | None = None


@dataclass(slots=True)
class Slicing:
    """The slices of one element.

    Attributes:
        rules: ``open``, ``closed`` or ``openAtEnd``.
        label: element path, for sentences.
    """

    label: str
    rules: str
    ordered: bool
    slices: Sequence[Slice]
    source: str
    default: Slice | None = field(default=None)

    def apply(self, found: Sequence[Occurrence], path: Path, scope: Scope) -> None:
        """Sort values into slices and report what does not fit."""
        counts = [0] * len(self.slices)
        groups: list[list[Occurrence]] = [[] for _ in self.slices]
        last, unmatched = -1, False
        for one in found:
            place = self._place(one, scope)
            if place is None:
                unmatched = True
                self._unmatched(one, scope)
                continue
            if unmatched and self.rules == "openAtEnd":
                self._error("slice-after-open", one.path, scope)
            if self.ordered and place < last:
                self._error("slice-order", one.path, scope, self.slices[place].name)
            last = max(last, place)
            counts[place] += 1
            groups[place].append(one)
            check = self.slices[place].checks(one.type_key)
            if check is not None:
                check(one.value, one.extra, one.path, scope)
        self._count(counts, path, scope)
        for piece, group in zip(self.slices, groups, strict=True):
            if piece.inner is not None:
                piece.inner.apply(group, path, scope)

    def _place(self, one: Occurrence, scope: Scope) -> int | None:
        node = Node(scope.engine.schema, one.value, one.type_key, one.extra)
        if one.type_key == "Resource" and type(one.value) is dict:
            node = Node.of_resource(scope.engine.schema, one.value)
        matching = [place for place, piece in enumerate(self.slices) if self._belongs(piece, node, one, scope)]
        if len(matching) > 1:
            names = ", ".join(self.slices[place].name for place in matching)
            self._error("slice-ambiguous", one.path, scope, names)
        return matching[0] if matching else None

    def _belongs(self, piece: Slice, node: Node, one: Occurrence, scope: Scope) -> bool:
        if piece.matches is not None:
            return piece.matches(node, one.path, scope)
        check = piece.checks(one.type_key)
        if check is None:
            return False
        trial = scope.trial()
        check(one.value, one.extra, one.path, trial)
        return not any(finding.severity in ("error", "fatal") for finding in trial.findings)

    def _unmatched(self, one: Occurrence, scope: Scope) -> None:
        if self.default is not None:
            check = self.default.checks(one.type_key)
            if check is not None:
                check(one.value, one.extra, one.path, scope)
        elif self.rules == "closed":
            self._error("slice-closed", one.path, scope)

    def _count(self, counts: list[int], path: Path, scope: Scope) -> None:
        for piece, count in zip(self.slices, counts, strict=True):
            label = f"{self.label}:{piece.name}"
            if count < piece.minimum:
                scope.error("slice-min", path, ("element", label), ("min", str(piece.minimum)), ("found", str(count)),
                            source=self.source)  # fmt: skip
            if piece.maximum is not None and count > piece.maximum:
                scope.error("cardinality-max", path, ("element", label), ("max", str(piece.maximum)),
                            ("found", str(count)), source=self.source)  # fmt: skip

    def _error(self, code: str, path: Path, scope: Scope, name: str = "") -> None:
        scope.error(code, path, ("element", self.label), ("slice", name), source=self.source)
