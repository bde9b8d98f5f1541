"""StructureDefinition snapshots as trees of elements (http://hl7.org/fhir/R4/elementdefinition.html)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["FHIR", "Element", "Json", "TypeUse", "build_tree", "walk"]

Json = dict[str, Any]

FHIR = "http://hl7.org/fhir/StructureDefinition/"
_PROFILE_ELEMENT = "http://hl7.org/fhir/StructureDefinition/elementdefinition-profile-element"
_FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"


@dataclass(frozen=True, slots=True)
class TypeUse:
    """One permitted type of an element, with the profiles on the type and on what it refers to."""

    code: str
    profiles: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


@dataclass(slots=True)
class Element:
    """One ElementDefinition of a snapshot, with the elements and slices under it.

    Attributes:
        maximum: highest number of repetitions; None for ``*``.
        reference: path that a contentReference points to, empty where there is none.
        raw: the ElementDefinition itself.
    """

    path: str
    name: str
    id: str
    minimum: int
    maximum: int | None
    types: tuple[TypeUse, ...]
    reference: str
    slice_name: str
    raw: Json
    children: list[Element] = field(default_factory=list)
    slices: list[Element] = field(default_factory=list)

    @property
    def choice(self) -> bool:
        """Whether the name ends in ``[x]``."""
        return self.name.endswith("[x]")

    def child(self, name: str) -> Element | None:
        """The unsliced child of that name (``value`` also finds ``value[x]``)."""
        return next((one for one in self.children if one.name in (name, f"{name}[x]")), None)

    @staticmethod
    def of(raw: Json) -> Element:
        """From an ElementDefinition."""
        path = str(raw["path"])
        maximum = str(raw.get("max", "*"))
        return Element(
            path=path,
            name=path.rpartition(".")[2],
            id=str(raw.get("id", path)),
            minimum=int(raw.get("min", 0)),
            maximum=int(maximum) if maximum.isdigit() else None,
            types=tuple(_type_use(one) for one in raw.get("type", ())),
            reference=str(raw.get("contentReference", "")).rpartition("#")[2],
            slice_name=str(raw.get("sliceName", "")),
            raw=raw,
        )


def _type_use(raw: Json) -> TypeUse:
    code = str(raw.get("code", ""))
    if code.startswith("http://hl7.org/fhirpath/System."):
        code = next((str(x.get("valueUrl") or x.get("valueUri") or "string") for x in raw.get("extension", ())
                     if x.get("url") == _FHIR_TYPE), code.rpartition(".")[2].lower())  # fmt: skip
    return TypeUse(code.removeprefix(FHIR), tuple(_profiles(raw)), tuple(raw.get("targetProfile", ())))


def _profiles(raw: Json) -> Iterator[str]:
    """The profiles on a type; of one that means an element within it, with the element's id as fragment."""
    beside = raw.get("_profile") or ()
    for index, canonical in enumerate(raw.get("profile", ())):
        extensions = (beside[index] or {}).get("extension", ()) if index < len(beside) else ()
        inner = next((one.get("valueString") for one in extensions if one.get("url") == _PROFILE_ELEMENT), None)
        yield f"{canonical}#{inner}" if inner else canonical


def build_tree(snapshot: list[Json]) -> Element:
    """The elements of a snapshot as a tree; slices hang under the element they slice."""
    root = Element.of(snapshot[0])
    open_elements = [root]
    for raw in snapshot[1:]:
        element = Element.of(raw)
        parent_path = element.path.rpartition(".")[0]
        while len(open_elements) > 1 and not _may_hold(open_elements[-1], element, parent_path):
            open_elements.pop()
        holder = open_elements[-1]
        if holder.path == element.path and element.slice_name:
            holder.slices.append(element)
        else:
            _attach(holder, element)
        open_elements.append(element)
    return root


def _may_hold(holder: Element, element: Element, parent_path: str) -> bool:
    if holder.path == parent_path:
        return True
    return bool(element.slice_name) and holder.path == element.path and not holder.slice_name


def _attach(holder: Element, element: Element) -> None:
    """Hang a child; a repeated name with a slice name is a slice of the earlier one."""
    if element.slice_name:
        sliced = next((one for one in holder.children if one.name == element.name), None)
        if sliced is not None:
            sliced.slices.append(element)
            return
    holder.children.append(element)


def walk(element: Element | None) -> Iterator[Element]:
    """An element and all unsliced elements below it."""
    if element is not None:
        yield element
        for child in element.children:
            yield from walk(child)
