"""From a profile's snapshot to what it asks beyond the base type.

The base walk has checked everything the type says; a profile's closure visits only elements whose definition differs
from the base: a profile on three elements costs three look-ups.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fhir_plugin.validation import references
from fhir_plugin.validation.plans import together
from fhir_plugin.validation.profile.compare import value_checks
from fhir_plugin.validation.profile.discriminators import matcher_of
from fhir_plugin.validation.profile.members import Member
from fhir_plugin.validation.profile.slicing import Slice, Slicing
from fhir_plugin.validation.profile.whole import (
    any_profile,
    broken,
    entering,
    resource_profiles,
    resource_types,
    unknown,
)
from fhir_plugin.validation.rules import constraint_keys, rules_of
from fhir_plugin.validation.schema import Field, canonical_url
from fhir_plugin.validation.scope import Path, Scope
from fhir_plugin.validation.snapshots import FHIR, Element, TypeUse, build_tree, walk

if TYPE_CHECKING:
    from fhir_plugin.validation.engine import Engine

__all__ = ["ProfileChecks"]

Json = dict[str, Any]
Check = Callable[[Any, Any, Path, Scope], None]


_MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What comes of compiling a definition that has another shape than a StructureDefinition."""
_NESTED = frozenset({"contained", "resource", "outcome"})
"""Elements whose value is a whole resource."""


def _nothing(_value: Any, _extra: Any, _path: Path, _scope: Scope) -> None:
    """A profile that adds nothing."""


class ProfileChecks:
    """Compiled profiles of one engine, by canonical."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._checks: dict[str, Check] = {}
        self._trees: dict[str, Element | None] = {}
        self._compiling: set[str] = set()
        self._lock = threading.RLock()

    def tree(self, canonical: str) -> Element | None:
        """The snapshot of a profile as a tree, or None when it is unknown."""
        if canonical not in self._trees:
            structure = self.engine.definitions.structure(canonical)
            tree = _read(structure) if structure else None
            inner = canonical.partition("#")[2]
            within = tree is not None and inner.startswith(f"{tree.path}.")
            self._trees[canonical] = _by_id(tree, inner) if tree is not None and within else tree
        return self._trees[canonical]

    def check(self, canonical: str) -> Check:
        """What a profile asks beyond its base type; an unknown profile is reported where it is asked for."""
        found = self._checks.get(canonical)
        if found is not None:
            return found
        with self._lock:
            if canonical in self._compiling:  # it mentions itself: look again when it is applied
                return lambda value, extra, path, scope: self.check(canonical)(value, extra, path, scope)
            if canonical not in self._checks:
                self._compiling.add(canonical)
                try:
                    self._checks[canonical] = self._compile(canonical)
                except _MALFORMED:
                    self._checks[canonical] = broken(canonical)
                finally:
                    self._compiling.discard(canonical)
            return self._checks[canonical]

    def _compile(self, canonical: str) -> Check:
        tree = self.tree(canonical)
        structure = self.engine.definitions.structure(canonical)
        if structure is None or (tree is None and "#" in canonical):
            return unknown(canonical)
        if tree is None:
            return broken(canonical)
        if "." in tree.path:
            key = tree.path if self.engine.schema.element(tree.path) else tree.types[0].code if tree.types else ""
            return self._node(tree, key, self.engine.schema.element(key), canonical) or _nothing
        type_name = str(structure.get("type", ""))
        base = self.engine.schema.tree(type_name)
        if base is not None and tree.path != base.path:
            return broken(canonical, "snapshot-base-type")
        if base is None or canonical_url(canonical) == FHIR + type_name:
            return _nothing
        return self._node(tree, type_name, base, canonical) or _nothing

    def _node(
        self, element: Element, type_key: str, base: Element | None, source: str, sliced: Element | None = None
    ) -> Check | None:
        """What an element of a profile asks of one value, or None."""
        engine = self.engine
        known = constraint_keys(base) | constraint_keys(engine.schema.element(type_key)) | constraint_keys(sliced)
        rules = rules_of(engine, element, type_key, known=known, source=source)
        checks: list[Check] = together(rules, engine.schema)
        checks += [flaw for rule in rules if (flaw := rule.flaw(engine, element)) is not None]
        checks += value_checks(element, sliced or base, source)
        checks += self._binding(element, type_key, sliced or base, source)
        below = _joined(
            [one for child in element.children if (one := self._child(child, type_key, source)) is not None]
        )
        if below is not None:
            checks.append(entering(below) if base is not None and base.name in _NESTED else below)
        return _joined(checks)

    def _binding(self, element: Element, type_key: str, base: Element | None, source: str) -> list[Check]:
        binding = element.raw.get("binding")
        if binding is None or (base is not None and _same_binding(binding, base.raw.get("binding"))):
            return []
        return self.engine.bindings.checks_for(element, type_key, source)

    def _child(self, child: Element, parent_key: str, source: str) -> Check | None:
        """What a profile asks of one property of an object."""
        fields = self._fields(child, parent_key)
        if not fields:
            return None
        base = fields[0].element
        member = Member(
            element=child,
            base=base,
            fields=fields,
            checks={one.json_name: self._value(child, one, source) for one in fields},
            forbidden=_forbidden(child, base, self.engine.schema.named(parent_key, fields[0].name), fields),
            slicing=self._slicing(child, fields, source),
            source=source,
        )
        return member.check() if member.matters else None

    def _fields(self, child: Element, parent_key: str) -> tuple[Field, ...]:
        """The JSON properties an element of a profile speaks of."""
        schema = self.engine.schema
        if not child.choice:
            one = schema.fields(parent_key).get(child.name)
            return (one,) if one is not None else ()
        codes = {use.code for use in child.types}
        found = schema.named(parent_key, child.name.removesuffix("[x]"))
        return tuple(one for one in found if one.type_use.code in codes) or found

    def _value(self, element: Element, spec: Field, source: str, sliced: Element | None = None) -> Check | None:
        """What a profile asks of a value of one type: its own rules, the profiles on the type, the targets."""
        use = next((one for one in element.types if one.code == spec.type_use.code), None)
        type_key = spec.type_key
        if spec.type_key == "Resource" and len(element.types) == 1:
            use, type_key = element.types[0], element.types[0].code
        checks: list[Check] = []
        own = self._node(element, type_key, spec.element, source, sliced)
        if own is not None:
            checks.append(own)
        if spec.type_key == "Resource" and element.types and not any(one.code == "Resource" for one in element.types):
            checks.append(resource_types(tuple(one.code for one in element.types), source))
        if element.reference and not element.children and not element.slices:
            checks.append(self._recurring(element.reference, source))
        if use is not None:
            checks += self._type_profiles(use, spec.type_use, source)
            if use.code == "Reference" and set(use.targets) != set(spec.type_use.targets):
                checks.append(references.target_check(use.targets, source))
        return _joined(checks)

    def _recurring(self, path: str, source: str) -> Check:
        """What the profile asks of an element holds again where that element recurs (``provision.provision``)."""

        def check(value: Any, extra: Any, place: Path, scope: Scope) -> None:
            key = f"{source}#{path}"
            if key not in self._checks:
                target = next((one for one in walk(self.tree(source)) if one.path == path and not one.slice_name), None)
                own = self._node(target, path, self.engine.schema.element(path), source) if target else None
                self._checks[key] = own or _nothing
            self._checks[key](value, extra, place, scope)

        return check

    def _type_profiles(self, use: TypeUse, base: TypeUse, source: str) -> list[Check]:
        profiles = tuple(one for one in use.profiles if one not in base.profiles)
        if not profiles or use.code == "Extension":
            return []  # an extension's definition is applied by its url
        if use.code == "Resource":
            return [resource_profiles(profiles, source)]
        if len(profiles) == 1:
            return [lambda value, extra, path, scope: self.check(profiles[0])(value, extra, path, scope)]
        return [any_profile(profiles, use.code, source)]

    def _slicing(self, element: Element, fields: tuple[Field, ...], source: str) -> Slicing | None:
        pieces = [one for one in element.slices if "/" not in one.slice_name and one.slice_name != "@default"]
        default = next((one for one in element.slices if one.slice_name == "@default"), None)
        slicing = element.raw.get("slicing") or {}
        rules = str(slicing.get("rules", "open"))
        if not pieces and rules != "closed":
            return None
        return Slicing(
            label=element.path,
            rules=rules if pieces else "open",
            ordered=slicing.get("ordered") is True,
            slices=[self._slice(element, piece, element.slices, fields, source) for piece in pieces],
            source=source,
            default=self._slice(element, default, (), fields, source) if default else None,
        )

    def _slice(self, sliced: Element, piece: Element, siblings: Any, fields: tuple[Field, ...], source: str) -> Slice:
        prefix = f"{piece.slice_name}/"
        inner = [one for one in siblings if one.slice_name.startswith(prefix)]
        by_type: dict[str, Check | None] = {}

        def checks(type_key: str) -> Check | None:
            if type_key not in by_type:
                spec = next((one for one in fields if one.type_key == type_key), fields[0])
                try:
                    by_type[type_key] = self._value(piece, spec, source, sliced)
                except _MALFORMED:
                    by_type[type_key] = broken(source)
            return by_type[type_key]

        return Slice(
            name=piece.slice_name,
            minimum=0 if _leaves_other_types(sliced) else piece.minimum,
            maximum=piece.maximum,
            matches=matcher_of(self.engine, sliced, piece),
            checks=checks,
            inner=self._reslicing(piece, inner, siblings, fields, source) if inner else None,
        )

    def _reslicing(
        self, piece: Element, inner: list[Element], siblings: Any, fields: tuple[Field, ...], source: str
    ) -> Slicing:
        depth = piece.slice_name.count("/") + 1
        slicing = piece.raw.get("slicing") or {}
        direct = [one for one in inner if one.slice_name.count("/") == depth]
        return Slicing(
            label=f"{piece.path}:{piece.slice_name}",
            rules=str(slicing.get("rules", "open")),
            ordered=slicing.get("ordered") is True,
            slices=[self._slice(piece, one, siblings, fields, source) for one in direct],
            source=source,
        )


def _read(structure: Json) -> Element | None:
    """The snapshot as a tree; None for one that is not well formed."""
    try:
        return build_tree(structure["snapshot"]["element"])
    except _MALFORMED:
        return None


def _by_id(element: Element, wanted: str) -> Element | None:
    """The element of a tree with an id (``Composition.section:history``)."""
    if element.id == wanted:
        return element
    return next((found for one in (*element.children, *element.slices) if (found := _by_id(one, wanted))), None)


def _leaves_other_types(sliced: Element) -> bool:
    """Whether a choice allows types of which it has no slice: then a slice's minimum was taken over, not asked for."""
    sliced_types = {use.code for piece in sliced.slices for use in piece.types}
    return sliced.choice and bool(sliced.slices) and not {use.code for use in sliced.types} <= sliced_types


def _joined(checks: list[Check]) -> Check | None:
    if not checks:
        return None
    if len(checks) == 1:
        return checks[0]

    def check(value: Any, extra: Any, path: Path, scope: Scope) -> None:
        for one in checks:
            one(value, extra, path, scope)

    return check


def _forbidden(
    child: Element, base: Element, all_fields: tuple[Field, ...], fields: tuple[Field, ...]
) -> tuple[Field, ...]:
    """The types of a choice that the profile rules out."""
    if not base.choice or not child.choice or not child.types:
        return ()
    return tuple(one for one in all_fields if one not in fields)


def _same_binding(one: Json, other: Any) -> bool:
    if type(other) is not dict:
        return False
    same_set = canonical_url(str(one.get("valueSet"))) == canonical_url(str(other.get("valueSet")))
    more = all(one.get(name) == other.get(name) for name in ("extension", "additional"))
    return one.get("strength") == other.get("strength") and same_set and more
