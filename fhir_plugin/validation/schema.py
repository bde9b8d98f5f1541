"""The shape of FHIR: StructureDefinition snapshots as trees of elements, and the fields of every type.

A *type key* names a set of fields: a type (``HumanName``, ``Patient``) or the path of an element that defines its own
children (``Patient.contact``). http://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fhir_plugin.model.issues import Issue

__all__ = [
    "FHIR",
    "DefinitionSource",
    "Element",
    "Field",
    "Json",
    "Schema",
    "TypeUse",
    "canonical_url",
    "choice_name",
    "walk",
]

Json = dict[str, Any]

FHIR = "http://hl7.org/fhir/StructureDefinition/"
_PROFILE_ELEMENT = "http://hl7.org/fhir/StructureDefinition/elementdefinition-profile-element"
_FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_INLINE = frozenset({"BackboneElement", "Element"})


class DefinitionSource(Protocol):
    """What the validator needs of a set of packages (``fhir_plugin.packages.Definitions``)."""

    @property
    def issues(self) -> Sequence[Issue]:
        """What was wrong with the packages, and with the profiles of which a snapshot was made so far."""

    def structure(self, canonical: str) -> Json | None:
        """StructureDefinition with a snapshot, by ``url`` or ``url|version``."""

    def structure_for_type(self, name: str) -> Json | None:
        """The StructureDefinition of a base type."""

    def value_set(self, canonical: str) -> Json | None:
        """ValueSet by ``url`` or ``url|version``."""

    def code_system(self, canonical: str) -> Json | None:
        """CodeSystem by ``url`` or ``url|version``."""

    def global_profiles(self, resource_type: str) -> Sequence[str]:
        """Profiles that an implementation guide asks of every resource of a type."""

    def is_later_extension(self, url: str) -> bool:
        """Whether an extension is known by name only."""

    def find(self, kind: str, canonical: str) -> Json | None:
        """A definition of any kind by canonical."""

    def search_parameters(self, resource_type: str) -> Sequence[Json]:
        """The search parameters of R4 for a resource type: code, type, expression."""


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


@dataclass(frozen=True, slots=True)
class Field:
    """One JSON property of a type.

    Attributes:
        json_name: ``valueQuantity``.
        name: FHIRPath name: ``value``.
        segment: how a location names it: ``value.ofType(Quantity)``.
        type_key: fields of its values; a primitive type's name for primitives.
    """

    json_name: str
    name: str
    segment: str
    type_key: str
    type_use: TypeUse
    is_list: bool
    is_primitive: bool
    element: Element


def canonical_url(canonical: str) -> str:
    """A canonical without its version."""
    return canonical.partition("|")[0]


def choice_name(name: str, code: str) -> str:
    """``value[x]`` as a JSON property for one type: ``valueQuantity``."""
    return name.removesuffix("[x]") + code[:1].upper() + code[1:]


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


class Schema:
    """The types of one set of definitions, read when first asked for."""

    def __init__(self, definitions: DefinitionSource) -> None:
        self.definitions = definitions
        self._trees: dict[str, Element] = {}
        self._inline: dict[str, Element] = {}
        self._fields: dict[str, dict[str, Field]] = {}
        self._kinds: dict[str, str] = {}
        self._parents: dict[str, str] = {}

    def tree(self, type_name: str) -> Element | None:
        """Root element of a base type, or None for a type nobody defines."""
        known = self._trees.get(type_name)
        if known is not None:
            return known
        structure = self.definitions.structure_for_type(type_name)
        if structure is None or structure.get("type") != type_name:
            return None  # unknown, or the name of a profile; not remembered: anybody can make up names
        tree = build_tree(structure["snapshot"]["element"])
        self._kinds[type_name] = str(structure.get("kind"))
        self._register(tree)
        self._trees[type_name] = tree
        return tree

    def kind(self, type_name: str) -> str:
        """``resource``, ``complex-type``, ``primitive-type`` or empty for an unknown type."""
        known = self._kinds.get(type_name)
        if known is None:
            self.tree(type_name)
            known = self._kinds.get(type_name, "")
        return known

    def is_resource(self, type_name: str) -> bool:
        """Whether a type is a concrete resource type."""
        return self.kind(type_name) == "resource" and type_name not in ("Resource", "DomainResource")

    def ancestors(self, type_name: str) -> Iterator[str]:
        """A type and what it specialises: ``Age``, ``Quantity``, ``Element``."""
        while type_name:
            yield type_name
            parent = self._parents.get(type_name)
            if parent is None:
                structure = self.definitions.structure_for_type(type_name)
                parent = str((structure or {}).get("baseDefinition", "")).removeprefix(FHIR)
                if structure is not None:
                    self._parents[type_name] = parent
            type_name = parent

    def is_a(self, type_name: str, ancestor: str) -> bool:
        """Whether a type is another type or specialises it."""
        return type_name == ancestor or any(one == ancestor for one in self.ancestors(type_name))

    def element(self, type_key: str) -> Element | None:
        """The element whose children are the fields of a type key."""
        if type_key in self._inline:
            return self._inline[type_key]
        if "." in type_key:
            self.tree(type_key.partition(".")[0])
            return self._inline.get(type_key)
        return self.tree(type_key)

    def fields(self, type_key: str) -> dict[str, Field]:
        """JSON properties of a type key; empty for an unknown one."""
        found = self._fields.get(type_key)
        if found is None:
            element = self.element(type_key)
            found = self._fields[type_key] = {one.json_name: one for one in self._expand(element)} if element else {}
        return found

    def named(self, type_key: str, name: str) -> tuple[Field, ...]:
        """The fields behind a FHIRPath name: several for a choice."""
        return tuple(one for one in self.fields(type_key).values() if one.name == name)

    def type_key(self, element: Element, use: TypeUse) -> str:
        """Where the fields of an element's value are found."""
        if element.reference:
            return element.reference
        if use.code in _INLINE and element.path in self._inline:
            return element.path
        return use.code

    def _register(self, tree: Element) -> None:
        for element in walk(tree):
            if element is not tree and element.children:
                self._inline[element.path] = element

    def _expand(self, element: Element) -> Iterator[Field]:
        for child in element.children:
            uses = child.types or (TypeUse("Element"),)
            if child.choice and any(use.code == "*" for use in uses):
                uses = tuple(TypeUse(code) for code in OPEN_TYPES)
            for use in uses:
                yield self._field(child, use)

    def _field(self, child: Element, use: TypeUse) -> Field:
        name = child.name.removesuffix("[x]")
        return Field(
            json_name=choice_name(child.name, use.code) if child.choice else child.name,
            name=name,
            segment=f"{name}.ofType({use.code})" if child.choice else name,
            type_key=self.type_key(child, use),
            type_use=use,
            is_list=child.maximum not in (0, 1),
            is_primitive=use.code[:1].islower(),
            element=child,
        )


def walk(element: Element | None) -> Iterator[Element]:
    """An element and all unsliced elements below it."""
    if element is not None:
        yield element
        for child in element.children:
            yield from walk(child)


OPEN_TYPES = (
    "base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer",
    "markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid", "Address", "Age",
    "Annotation", "Attachment", "CodeableConcept", "Coding", "ContactPoint", "Count", "Distance", "Duration",
    "HumanName", "Identifier", "Money", "Period", "Quantity", "Range", "Ratio", "Reference", "SampledData",
    "Signature", "Timing", "ContactDetail", "Contributor", "DataRequirement", "Expression", "ParameterDefinition",
    "RelatedArtifact", "TriggerDefinition", "UsageContext", "Dosage", "Meta",
)  # fmt: skip
"""Types of an open choice (``value[x]`` of ``*``): http://hl7.org/fhir/R4/datatypes.html#open"""
