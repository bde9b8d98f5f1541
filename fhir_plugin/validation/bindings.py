"""Bindings: is the coded value from the value set the element asks for (http://hl7.org/fhir/R4/terminologies.html#strength)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_plugin.validation.schema import canonical_url
from fhir_plugin.validation.scope import Path, Scope
from fhir_plugin.validation.terminology import Terminology
from fhir_plugin.validation.terminology.codesystems import Concept
from fhir_plugin.validation.terminology.valuesets import some

if TYPE_CHECKING:
    from fhir_plugin.validation.snapshots import Element

__all__ = ["Bindings", "membership"]

Check = Callable[[Any, Any, Path, Scope], None]
Json = dict[str, Any]

_MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_VITALS_UNITS = "http://hl7.org/fhir/ValueSet/ucum-vitals-common"
"""Required by the vital signs profiles of every component, though components are often no measure in those units; the
reference validator warns."""
_SHORT_FORMATS = frozenset({"xml", "json", "ttl"})
"""Stand for a MIME type in CapabilityStatement.format (http://hl7.org/fhir/R4/capabilitystatement.html)."""
_ADDITIONAL = (
    "http://hl7.org/fhir/tools/StructureDefinition/additional-binding",
    "http://hl7.org/fhir/StructureDefinition/additional-binding",
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.binding.additional",
)
_PURPOSES = {"required": "required", "extensible": "extensible", "maximum": "maximum"}
_CODED = frozenset({"CodeableConcept", "Coding", "Quantity"})
_BINDABLE = frozenset({"code", "string", "uri", "Coding", "CodeableConcept", "Quantity", "canonical", "url"})


@dataclass(frozen=True, slots=True)
class _Binding:
    value_set: str
    strength: str
    source: str
    beside: frozenset[str] = frozenset()
    """Codes that are good as well."""


class Bindings:
    """Compiles bindings of elements into checks."""

    def __init__(self, terminology: Terminology, unknown: str) -> None:
        self.terminology = terminology
        self.unknown = unknown

    def checks_for(self, element: Element, code: str, source: str = "") -> list[Check]:
        """Checks for an element of a given type: its binding, its maximum value set, and the codes themselves."""
        found: list[Check] = []
        if code in _CODED and code != "CodeableConcept" and not source:
            found.append(self._coding_itself if code == "Coding" else self._quantity_itself)
        raw = element.raw.get("binding")
        if raw is None or code not in _BINDABLE:
            return found
        value_set = raw.get("valueSet")
        strength = str(raw.get("strength", ""))
        if value_set and canonical_url(str(value_set)) == _VITALS_UNITS:
            strength = "extensible"
        if value_set and strength in ("required", "extensible"):
            short = _SHORT_FORMATS if element.path == "CapabilityStatement.format" else frozenset()
            found.append(self._check(_Binding(str(value_set), strength, source, short), code))
        found += [self._check(_Binding(more, limit, source), code) for more, limit in _additional(raw)]
        for extension in raw.get("extension", ()):
            if extension.get("url") == _MAX_VALUE_SET:
                maximum = str(extension.get("valueCanonical") or extension.get("valueUri") or "")
                limit = "maximum" if strength == "extensible" else "maximum-preferred"
                found.append(self._check(_Binding(maximum, limit, source), code))
        return found

    def _check(self, binding: _Binding, code: str) -> Check:
        source = binding.source

        def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
            if value is None and binding.strength == "required":
                scope.error("binding-no-code", path, ("value-set", binding.value_set), source=source)
                return
            answer = membership(self.terminology, binding.value_set, code, value)
            if answer is not True and not (code == "code" and value in binding.beside):
                self._report(binding, code, answer, value, path, scope)

        return check

    def _report(self, binding: _Binding, code: str, answer: bool | None, value: Any, path: Path, scope: Scope) -> None:
        params = (("value-set", binding.value_set), ("strength", binding.strength), ("code", _shown(value)))
        if answer is None:
            self._undecided(params, path, scope, binding.source)
        elif code == "CodeableConcept" and not value.get("coding"):
            if binding.strength == "required":
                scope.error("binding-no-code", path, *params, source=binding.source)
        elif binding.strength == "extensible":
            scope.warn("binding-extensible", path, *params, source=binding.source)
        elif binding.strength == "maximum-preferred" and code != "code":
            scope.warn("binding-maximum", path, *params, source=binding.source)
        else:
            name = "binding-required" if binding.strength == "required" else "binding-maximum"
            scope.error(name, path, *params, source=binding.source)

    def _undecided(self, params: tuple[tuple[str, str], ...], path: Path, scope: Scope, source: str) -> None:
        if self.unknown == "error":
            scope.error("binding-undecided", path, *params, source=source)
        elif self.unknown == "warn":
            scope.warn("binding-undecided", path, *params, source=source)

    def _coding_itself(self, value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        """A code exists in its system, is active, and its display is one of the concept's own."""
        if type(value) is not dict:
            return
        system, code = value.get("system"), value.get("code")
        if type(code) is not str or not code:
            if code is None and "_code" not in value and type(system) is str:
                self._no_code(system, path, scope)
            return
        if type(system) is not str:
            scope.warn("coding-no-system", path)
            return
        index = self.terminology.code_system(system)
        params = (("system", system), ("code", code[:64]))
        if index is not None and index.supplement:
            scope.error("coding-supplement", (path, "system", None), *params)
        elif self.terminology.exists(system, code) is False:
            scope.error("code-unknown", (path, "code", None), *params)
        elif index is None and self.unknown != "ignore" and not self._known_system(system):
            scope.inform("code-system-unknown", (path, "system", None), *params)
        else:
            self._concept_use(value, path, scope, params)

    def _quantity_itself(self, value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        """The code of a unit exists in its system."""
        system, code = (value.get("system"), value.get("code")) if type(value) is dict else (None, None)
        if type(system) is str and type(code) is str and self.terminology.exists(system, code) is False:
            scope.error("code-unknown", path, ("system", system), ("code", code[:64]))

    def _no_code(self, system: str, path: Path, scope: Scope) -> None:
        """A system alone says nothing in a concept, except as a pattern in a profile."""
        if (
            path[1] == "coding"
            and self.terminology.code_system(system)
            and scope.resource.get("resourceType") != "StructureDefinition"
        ):
            scope.error("coding-no-code", path, ("system", system))

    def _known_system(self, system: str) -> bool:
        return system.startswith(
            ("http://snomed.info/sct", "http://loinc.org", "http://unitsofmeasure.org", "urn:ietf:")
        )

    def _concept_use(self, value: Json, path: Path, scope: Scope, params: tuple[tuple[str, str], ...]) -> None:
        concept = self.terminology.concept(value["system"], value["code"])
        if concept is None:
            return
        if concept.inactive:
            scope.warn("code-inactive", (path, "code", None), *params)
        if says_otherwise(concept, value.get("display")):
            scope.warn("display-wrong", (path, "display", None), *params, ("display", concept.display))


def says_otherwise(concept: Concept, display: Any) -> bool:
    """Whether a display is none of those of the concept."""
    return type(display) is str and bool(concept.displays) and _folded(display) not in map(_folded, concept.displays)


def _additional(raw: Json) -> Iterator[tuple[str, str]]:
    """Value sets that bind besides the first (of R5, or as HL7's extension), as (canonical, strength).

    http://hl7.org/fhir/R5/elementdefinition-definitions.html#ElementDefinition.binding.additional; those that hold
    only in some usage are left alone.
    """
    for one in raw.get("additional", ()):
        if one.get("purpose") in _PURPOSES and not one.get("usage"):
            yield str(one.get("valueSet")), _PURPOSES[one["purpose"]]
    for extension in raw.get("extension", ()):
        if extension.get("url") in _ADDITIONAL:
            parts = {one.get("url"): one for one in extension.get("extension", ())}
            purpose = str(parts.get("purpose", {}).get("valueCode"))
            if purpose in _PURPOSES and "usage" not in parts:
                yield str(parts.get("valueSet", {}).get("valueCanonical")), _PURPOSES[purpose]


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _shown(value: Any) -> str:
    """The codes of a value (never its text)."""
    if type(value) is str:
        return value[:64]
    if type(value) is not dict:
        return ""
    coding = value.get("coding")
    codings = coding if type(coding) is list else [value]
    pairs = (f"{one.get('system', '')}#{one.get('code', '')}" for one in codings if type(one) is dict)
    return ", ".join(pairs)[:200]


def membership(terminology: Terminology, canonical: str, type_name: str, value: Any) -> bool | None:
    """Whether a coded value is in a value set; None where it cannot be known (http://hl7.org/fhir/R4/valueset.html)."""
    if value is None or (type_name in _CODED and type(value) is not dict):
        return True
    if type_name == "CodeableConcept":
        codings = value.get("coding")
        if type(codings) is not list:
            return None if terminology.value_set(canonical) is None else False
        return some(_coding_in(terminology, canonical, one) for one in codings if type(one) is dict)
    if type_name in _CODED:
        return _coding_in(terminology, canonical, value)
    return terminology.contains(canonical, None, value) if type(value) is str else True


def _coding_in(terminology: Terminology, canonical: str, coding: Json) -> bool | None:
    code, system = coding.get("code"), coding.get("system")
    if type(code) is not str or not code:
        return None if terminology.value_set(canonical) is None else False
    return terminology.contains(canonical, system if type(system) is str else "", code)
