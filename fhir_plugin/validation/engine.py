"""The compiled form of a set of definitions, and the walk over whole resources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_plugin.errors import PackageError
from fhir_plugin.model.issues import Issue
from fhir_plugin.validation import contained, references, vitals
from fhir_plugin.validation.artifacts import ARTIFACTS
from fhir_plugin.validation.artifacts.reading import items
from fhir_plugin.validation.base import BaseChecks, Check
from fhir_plugin.validation.bindings import Bindings, membership
from fhir_plugin.validation.bundles import BundleIndex, check_bundle
from fhir_plugin.validation.documents import check_first_entry
from fhir_plugin.validation.fhirpath import Node
from fhir_plugin.validation.narrative import problems
from fhir_plugin.validation.policy import Policy
from fhir_plugin.validation.profile import ProfileChecks
from fhir_plugin.validation.schema import DefinitionSource, Field, Schema
from fhir_plugin.validation.scope import Path, Scope
from fhir_plugin.validation.snapshots import Json
from fhir_plugin.validation.special import SPECIAL
from fhir_plugin.validation.terminology import Terminology, TerminologyServer

__all__ = ["Engine", "ScopeServices"]

_IMPOSED = "http://hl7.org/fhir/StructureDefinition/structuredefinition-imposeProfile"


class SafeDefinitions:
    """Definitions of which a broken one is a missing one."""

    def __init__(self, definitions: DefinitionSource) -> None:
        self._definitions = definitions
        self.broken: dict[str, str] = {}
        self._structures: dict[str, Json] = {}
        self._gaps: dict[str, tuple[str, ...]] = {}

    def structure(self, canonical: str) -> Json | None:
        """As :meth:`DefinitionSource.structure`, remembering why a definition could not be used."""
        known = self._structures.get(canonical)
        if known is not None or canonical in self.broken:
            return known
        try:
            found = self._definitions.structure(canonical)
        except PackageError as error:
            self.broken[canonical] = error.code
            return None
        if found is not None:
            self._structures[canonical] = found
        return found

    @property
    def issues(self) -> Sequence[Issue]:
        """As :attr:`DefinitionSource.issues`."""
        return self._definitions.issues

    def gaps(self, canonical: str, structure: Json) -> tuple[str, ...]:
        """Elements that a profile speaks of without their being there; what it says of them is left out."""
        found = self._gaps.get(canonical)
        if found is None:
            own = (one for one in self.issues if one.source == structure.get("url"))
            found = self._gaps[canonical] = tuple(one.param("element") for one in own if one.code == "snapshot-element")
        return found

    def structure_for_type(self, name: str) -> Json | None:
        """As :meth:`DefinitionSource.structure_for_type`."""
        try:
            return self._definitions.structure_for_type(name)
        except PackageError as error:
            self.broken[name] = error.code
            return None

    def value_set(self, canonical: str) -> Json | None:
        """As :meth:`DefinitionSource.value_set`."""
        return self._definitions.value_set(canonical)

    def code_system(self, canonical: str) -> Json | None:
        """As :meth:`DefinitionSource.code_system`."""
        return self._definitions.code_system(canonical)

    def global_profiles(self, resource_type: str) -> Sequence[str]:
        """As :meth:`DefinitionSource.global_profiles`."""
        return self._definitions.global_profiles(resource_type)

    def is_later_extension(self, url: str) -> bool:
        """As :meth:`DefinitionSource.is_later_extension`."""
        return self._definitions.is_later_extension(url)

    def find(self, kind: str, canonical: str) -> Json | None:
        """A definition of any other kind; None where there is none or the name is empty."""
        return self._definitions.find(kind, canonical) if canonical else None

    def search_parameters(self, resource_type: str) -> Sequence[Json]:
        """The search parameters of R4 for a resource type."""
        return self._definitions.search_parameters(resource_type)


class Engine:
    """Everything a validation needs, compiled on demand and shared by all of them."""

    def __init__(self, definitions: DefinitionSource, policy: Policy, server: TerminologyServer | None = None) -> None:
        self.definitions = SafeDefinitions(definitions)
        self.policy = policy
        self.schema = Schema(self.definitions)
        self.terminology = Terminology(self.definitions, server)
        self.bindings = Bindings(self.terminology, policy.unknown_codes)
        self.base = BaseChecks(self)
        self.profiles = ProfileChecks(self)
        self.target_types: dict[tuple[str, ...], frozenset[str]] = {}

    def services(self, scope: Scope) -> ScopeServices:
        """What FHIRPath may ask within a scope."""
        return ScopeServices(self, scope)

    def special_checks(self, spec: Field, type_key: str) -> list[Check]:
        """Checks of single elements that the definitions do not express."""
        check = SPECIAL.get(f"{type_key}.{spec.json_name}")
        return [check] if check else []

    def check_nested_resource(self, value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        """A resource inside another: contained, in a Bundle entry or in a parameter."""
        if type(value) is not dict:
            scope.error("object-expected", path, ("type", "Resource"))
            return
        is_contained = path[1] == "contained"
        if is_contained and scope.contained:
            scope.error("contained-nested", path)
            return
        url = scope.bundle.full_url_of(value) if scope.bundle is not None and not is_contained else ""
        inner = scope.inside(value, path, contained=is_contained, full_url=url)
        if scope.bundle is not None and not is_contained:
            inner.full_url = url
        self.check_resource(inner, ())

    def check_resource(self, scope: Scope, profiles: tuple[str, ...]) -> None:
        """A whole resource: base rules, its profiles, and what only the whole can tell."""
        resource, path = scope.resource, scope.path
        type_name = resource.get("resourceType")
        if type(type_name) is not str or not self.schema.is_resource(type_name):
            scope.error("resource-type-unknown", path, ("type", str(type_name)[:64]))
            return
        if type_name == "Bundle":
            scope.bundle = BundleIndex(resource)
            scope.full_url = ""
        self.base.check(type_name)(resource, None, path, scope)
        for canonical in self._claimed(resource, profiles):
            self._apply_profile(canonical, scope, asked=canonical in profiles)
        if resource.get("contained"):
            contained.check(scope)
        special = ARTIFACTS.get(type_name)
        if special is not None:
            special(scope)
        if type_name == "Bundle":
            check_bundle(scope)
            if scope.bundle is not None and scope.bundle.type in ("document", "message"):
                check_first_entry(scope, scope.bundle)

    def _claimed(self, resource: Json, profiles: tuple[str, ...]) -> list[str]:
        meta, type_name = resource.get("meta"), str(resource.get("resourceType"))
        stated = meta.get("profile") if type(meta) is dict else None
        claimed = [one for one in stated if type(one) is str and one] if type(stated) is list else []
        implied = vitals.profiles(resource) if type_name == "Observation" else []
        everywhere = self.definitions.global_profiles(type_name)
        return list(dict.fromkeys([*profiles, *claimed, *implied, *everywhere]))

    def _apply_profile(self, canonical: str, scope: Scope, *, asked: bool, imposed_by: tuple[str, ...] = ()) -> None:
        structure = self.definitions.structure(canonical)
        if structure is None:
            report = scope.error if asked else scope.warn
            reason = self.definitions.broken.get(canonical, "")
            report(
                "profile-broken" if reason else "profile-unknown",
                scope.path,
                ("profile", canonical),
                ("reason", reason),
            )
            return
        if not self.schema.is_a(str(scope.resource.get("resourceType")), str(structure.get("type"))):
            scope.error("profile-wrong-type", scope.path, ("profile", canonical), ("type", str(structure.get("type"))))
            return
        self.profiles.check(canonical)(scope.resource, None, scope.path, scope)
        for element in self.definitions.gaps(canonical, structure):
            scope.warn("profile-element-unknown", scope.path, ("profile", canonical), ("element", element))
        for extension, _ in items(structure, "extension", scope.path):
            imposed = extension.get("valueCanonical")
            if extension.get("url") == _IMPOSED and imposed and imposed not in (canonical, *imposed_by):
                self._apply_profile(imposed, scope, asked=False, imposed_by=(*imposed_by, canonical))

    def conforms(self, value: Any, type_key: str, canonical: str, path: Path, scope: Scope) -> bool | None:
        """Whether a value satisfies a profile, base rules included; None for an unknown profile.

        A value that is being judged already (circular profiles) is taken to conform.
        """
        if scope.verdicts is None:
            scope.verdicts = {}
        key = (id(value), canonical)
        if key in scope.verdicts:
            return scope.verdicts[key]
        structure = self.definitions.structure(canonical)
        if structure is None:
            return None
        scope.verdicts[key] = True
        trial = scope.trial()
        if self.schema.kind(type_key) == "resource":
            self._check_as(value, structure, canonical, path, trial)
        else:
            self.base.check(type_key)(value, None, path, trial)
            self.profiles.check(canonical)(value, None, path, trial)
        verdict = not any(one.severity in ("error", "fatal") for one in trial.findings)
        scope.verdicts[key] = verdict
        return verdict

    def _check_as(self, value: Any, structure: Json, canonical: str, path: Path, trial: Scope) -> None:
        type_name = str(value.get("resourceType")) if type(value) is dict else ""
        if not self.schema.is_a(type_name, str(structure.get("type"))):
            trial.error("profile-wrong-type", path, ("profile", canonical), ("type", type_name))
            return
        if value is not trial.resource:
            is_contained = any(value is one for one in trial.root.resource.get("contained", ()))
            url = trial.bundle.full_url_of(value) if trial.bundle else ""
            trial = trial.inside(value, path, contained=is_contained, full_url=url)
        self.base.check(type_name)(value, None, path, trial)
        self.profiles.check(canonical)(value, None, path, trial)


class ScopeServices:
    """FHIRPath's window on the surroundings of one scope."""

    def __init__(self, engine: Engine, scope: Scope) -> None:
        self._engine = engine
        self._scope = scope

    def resolve(self, reference: str) -> Node | None:
        """The resource behind a reference, where it is at hand."""
        found = references.resolve(reference, self._scope)
        return Node.of_resource(self._engine.schema, found) if found is not None else None

    def conforms(self, node: Node, canonical: str) -> bool | None:
        """Whether a node satisfies a profile; an unknown profile of a base type compares types."""
        return self._engine.conforms(node.value, node.type_key, canonical, self._scope.path, self._scope)

    def member_of(self, node: Node, value_set: str) -> bool | None:
        """Whether a coded node is in a value set."""
        return membership(self._engine.terminology, value_set, node.type_name, node.value)

    def narrative_ok(self, text: str) -> bool:
        """``htmlChecks()``."""
        return not problems(text)
