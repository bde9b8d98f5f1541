"""RelatedPerson.relationship ↔ family relations, roles and kinds of support figure.

nl-core-ContactPerson slices ``relationship`` by value: one concept per RelatieCodelijst code, one per RolCodelijst
code. Our kinds are extra codings in the role's concept, never a repetition of their own beside both (Koppeltaal's
KT2_RelatedPerson closes that slicing); only where there is no role does a kind stand alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fhir_plugin.mapping import concepts
from fhir_plugin.mapping.json import Json, objects, text
from fhir_plugin.mapping.lens import Lens
from fhir_plugin.model.identity import Coding
from fhir_plugin.model.terms import ROL_NICTIZ, ROL_VEKTIS, V3_NULL_FLAVOR, V3_ROLE_CODE, BondKind, CodeSystems

__all__ = ["RELATIONSHIP", "Relationship", "foreign_codings"]

_KEY = "relationship"
_RELATION_SYSTEMS = (V3_ROLE_CODE, V3_NULL_FLAVOR)
_ROLE_SYSTEMS = (ROL_VEKTIS, ROL_NICTIZ)
_KINDS = {kind.value: kind for kind in BondKind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """What ``relationship`` says of a person, apart by meaning."""

    relations: tuple[Coding, ...] = ()
    roles: tuple[Coding, ...] = ()
    kinds: tuple[BondKind, ...] = ()


def foreign_codings(body: Json) -> tuple[Coding, ...]:
    """Codings that are not ours to change: other systems, and kinds this version does not know."""
    return tuple(coding for coding in concepts.all_codings(body, _KEY) if not _is_owned(coding))


def _get(body: Json) -> Relationship:
    found = concepts.all_codings(body, _KEY)
    return Relationship(
        relations=tuple(coding for coding in found if coding.system in _RELATION_SYSTEMS),
        roles=tuple(coding for coding in found if coding.system in _ROLE_SYSTEMS),
        kinds=tuple(kind for coding in found if (kind := _kind(coding)) is not None),
    )


def _fill(body: Json, value: Relationship) -> None:
    body[_KEY] = concepts.rebuilt({}, _KEY, _wanted(value), _is_owned, _host)


def _write(body: Json, value: Relationship) -> None:
    wanted = _wanted(value)
    new = concepts.edited(body, _KEY, wanted, _is_owned, _host)
    if _get({_KEY: new}) != value:
        new = concepts.rebuilt(body, _KEY, wanted, _is_owned, _host)
    if new:
        body[_KEY] = new
    else:
        body.pop(_KEY, None)


def _wanted(value: Relationship) -> list[Coding]:
    return [*value.relations, *value.roles, *map(_kind_coding, value.kinds)]


RELATIONSHIP: Lens[Relationship] = Lens(
    _KEY,
    _KEY,
    _get,
    _write,
    lambda model: Relationship(relations=model.relations, roles=model.roles, kinds=model.kinds),
    _fill,
)


def _host(held: list[Any], coding: Coding) -> Json | None:
    """A kind joins the last role's concept, else the concept that already holds kinds."""
    if coding.system != CodeSystems.KIND:
        return None
    for systems in (_ROLE_SYSTEMS, (CodeSystems.KIND,)):
        for concept in reversed(held):
            if any(text(item, "system") in systems for item in objects(concept, "coding")):
                return concept if isinstance(concept, dict) else None
    return None


def _is_owned(coding: Coding) -> bool:
    return coding.system in (*_RELATION_SYSTEMS, *_ROLE_SYSTEMS) or _kind(coding) is not None


def _kind(coding: Coding) -> BondKind | None:
    if coding.system != CodeSystems.KIND:
        return None
    return _KINDS.get(coding.code)


def _kind_coding(kind: BondKind) -> Coding:
    return Coding(system=CodeSystems.KIND, code=kind.value)
