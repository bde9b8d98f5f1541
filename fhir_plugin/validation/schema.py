"""The shape of FHIR: the fields of every type, and what the validator needs of a set of packages.

A *type key* names a set of fields: a type (``HumanName``, ``Patient``) or the path of an element that defines its own
children (``Patient.contact``). http://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fhir_plugin.model.issues import Issue
from fhir_plugin.validation.snapshots import FHIR, Element, Json, TypeUse, build_tree, walk

__all__ = ["OPEN_TYPES", "DefinitionSource", "Field", "Schema", "canonical_url", "choice_name"]


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


OPEN_TYPES = (
    "base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer",
    "markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid", "Address", "Age",
    "Annotation", "Attachment", "CodeableConcept", "Coding", "ContactPoint", "Count", "Distance", "Duration",
    "HumanName", "Identifier", "Money", "Period", "Quantity", "Range", "Ratio", "Reference", "SampledData",
    "Signature", "Timing", "ContactDetail", "Contributor", "DataRequirement", "Expression", "ParameterDefinition",
    "RelatedArtifact", "TriggerDefinition", "UsageContext", "Dosage", "Meta",
)  # fmt: skip
"""Types of an open choice (``value[x]`` of ``*``): http://hl7.org/fhir/R4/datatypes.html#open"""
