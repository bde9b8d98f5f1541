"""OperationDefinition: its parameters and the profiles on its Parameters say the same.

http://hl7.org/fhir/R4/operationdefinition-definitions.html#OperationDefinition.inputProfile
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir_plugin.validation.artifacts.reading import items, text
from fhir_plugin.validation.profile.compare import constant
from fhir_plugin.validation.scope import Path, Scope
from fhir_plugin.validation.snapshots import FHIR, Element, TypeUse, build_tree

__all__ = ["check_operation"]

Json = dict[str, Any]


def check_operation(scope: Scope) -> None:
    """Compare each parameter with the slice of that name in the profile for its direction."""
    for name, use in (("inputProfile", "in"), ("outputProfile", "out")):
        slices = dict(_slices(text(scope.resource, name), scope))
        for parameter, place in items(scope.resource, "parameter", scope.path):
            found = slices.get(text(parameter, "name")) if text(parameter, "use") == use else None
            if found is not None:
                _compare(parameter, found, place, scope)


def _slices(canonical: str, scope: Scope) -> Iterator[tuple[str, Element]]:
    structure = scope.engine.definitions.structure(canonical) if canonical else None
    if structure is None or structure.get("type") != "Parameters":
        return
    parameter = build_tree(structure["snapshot"]["element"]).child("parameter")
    for piece in parameter.slices if parameter is not None else ():
        named = piece.child("name")
        name = (constant(named, "fixed") or constant(named, "pattern")) if named is not None else None
        if type(name) is str:
            yield name, piece


def _compare(parameter: Json, piece: Element, path: Path, scope: Scope) -> None:
    stated = str(parameter.get("min")), str(parameter.get("max"))
    found = str(piece.minimum), "*" if piece.maximum is None else str(piece.maximum)
    for name, one, other in zip(("min", "max"), stated, found, strict=True):
        if one != other:
            scope.error("operation-profile", path, ("part", name), ("expected", one[:20]), ("found", other))
    uses = list(_uses(piece))
    kind = text(parameter, "type")
    codes = sorted({one.code for one in uses})
    if uses and kind not in ("Resource", "Any", "Element", "") and kind not in codes:
        scope.error("operation-profile", path, ("part", "type"), ("expected", kind[:64]), ("found", ", ".join(codes)))
    if kind in ("Reference", "canonical") and uses:
        _compare_targets(parameter, uses, path, scope)


def _uses(piece: Element) -> Iterator[TypeUse]:
    """The types a parameter may have by its profile, where the profile narrows them."""
    for name in ("resource", "value"):
        held = piece.child(name)
        if held is not None and held.maximum != 0 and len(held.types) < 10:
            yield from (one for one in held.types if one.code != "Resource")


def _compare_targets(parameter: Json, uses: list[TypeUse], path: Path, scope: Scope) -> None:
    stated = {one for one in parameter.get("targetProfile") or () if type(one) is str}
    found = {one for use in uses for one in use.targets} - {f"{FHIR}Resource"}
    if stated != found:
        params = ("expected", ", ".join(sorted(stated))[:120]), ("found", ", ".join(sorted(found))[:120])
        scope.error("operation-profile", path, ("part", "targetProfile"), *params)
