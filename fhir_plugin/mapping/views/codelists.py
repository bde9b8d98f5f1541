"""The zib code lists: exact displays, and how a code of one edition reads in another.

Facts: RelatieCodelijst and RolCodelijst (zib2020), RelatieSnomedCodelijst and RolSnomedCodelijst (zib2024), as
published by Nictiz. The translations are those of the ConceptMaps in ``profiles/``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache

from fhir_plugin.mapping.json import Json, objects, prune, text
from fhir_plugin.model.identity import Coding
from fhir_plugin.packages import profiles_dir

__all__ = ["Translation", "code_displays", "coding_of", "exact", "translations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A code in another list.

    Attributes:
        target: the code there.
        equivalence: http://hl7.org/fhir/concept-map-equivalence: ``equivalent``, ``wider``, ``inexact``…
    """

    target: Coding
    equivalence: str

    @property
    def is_lossy(self) -> bool:
        """Whether meaning is lost or added on the way."""
        return self.equivalence not in ("equal", "equivalent")

    @property
    def is_narrower(self) -> bool:
        """Whether the target says more than the source does."""
        return self.equivalence in ("narrower", "specializes")


def exact(coding: Coding) -> Json:
    """The code with the display of its code system, which some receivers compare to the letter."""
    return coding_of(replace(coding, display=code_displays().get(coding.key, coding.display)))


def coding_of(coding: Coding) -> Json:
    """A Coding element with the display the code itself carries."""
    return prune({"system": coding.system, "code": coding.code, "display": coding.display})


@cache
def code_displays() -> dict[tuple[str, str], str]:
    """Displays of the codes that our ConceptMaps know, source and target."""
    found: dict[tuple[str, str], str] = {}
    for body in _concept_maps():
        for group in objects(body, "group"):
            for element in objects(group, "element"):
                found.setdefault((text(group, "source"), text(element, "code")), text(element, "display"))
                for target in objects(element, "target"):
                    found.setdefault((text(group, "target"), text(target, "code")), text(target, "display"))
    return found


@cache
def translations(map_id: str) -> dict[tuple[str, str], tuple[Translation, ...]]:
    """The targets of every source code of a ConceptMap of ours; codes without one are not in it."""
    found: dict[tuple[str, str], tuple[Translation, ...]] = {}
    for body in _concept_maps():
        if text(body, "id") != map_id:
            continue
        for group in objects(body, "group"):
            for element in objects(group, "element"):
                targets = tuple(_translation(group, target) for target in objects(element, "target"))
                usable = tuple(item for item in targets if item.target.code and item.equivalence != "disjoint")
                if usable:
                    found[(text(group, "source"), text(element, "code"))] = usable
    return found


def _translation(group: Json, target: Json) -> Translation:
    coding = Coding(system=text(group, "target"), code=text(target, "code"), display=text(target, "display"))
    return Translation(target=coding, equivalence=text(target, "equivalence"))


@cache
def _concept_maps() -> tuple[Json, ...]:
    folder = profiles_dir()
    files = sorted(folder.glob("ConceptMap-*.json")) if folder else []
    return tuple(json.loads(file.read_text(encoding="utf-8")) for file in files)
