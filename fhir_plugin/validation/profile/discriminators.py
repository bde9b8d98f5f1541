"""Discriminators: to which slice does a value belong (http://hl7.org/fhir/R4/profiling.html#discriminator)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fhir_plugin.validation import references
from fhir_plugin.validation.bindings import membership
from fhir_plugin.validation.fhirpath import FhirPathError, Node
from fhir_plugin.validation.fhirpath.parser import Tree, parse
from fhir_plugin.validation.profile.compare import constant, matches_pattern, same
from fhir_plugin.validation.schema import canonical_url
from fhir_plugin.validation.scope import Path, Scope
from fhir_plugin.validation.snapshots import FHIR, Element

if TYPE_CHECKING:
    from fhir_plugin.validation.engine import Engine

__all__ = ["Matcher", "matcher_of"]

Step = tuple[str, str]
"""("name", n), ("extension", url), ("resolve", "") or ("type", T)."""
Matcher = Callable[[Node, Path, Scope], bool]
Predicate = Callable[[Node, Path, Scope], bool]


def matcher_of(engine: Engine, sliced: Element, piece: Element) -> Matcher | None:
    """The test whether a value belongs to a slice, or None where the profile does not say enough."""
    discriminators = (sliced.raw.get("slicing") or {}).get("discriminator") or ()
    tests: list[Matcher] = []
    for raw in discriminators:
        test = _one(engine, str(raw.get("type", "value")), str(raw.get("path", "$this")), piece)
        if test is None:
            return None
        tests.append(test)
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda node, path, scope: all(test(node, path, scope) for test in tests)


def steps_of(path: str) -> list[Step]:
    """A discriminator path as steps.

    Raises:
        FhirPathError: it is not of the restricted form that discriminators may use.
    """
    return list(_steps(parse(path)))


def _steps(tree: Tree) -> Iterator[Step]:
    kind = tree[0]
    if kind == "special" and tree[1] == "$this":
        return
    if kind == "dot":
        yield from _steps(tree[1])
        yield from _steps(tree[2])
    elif kind == "name":
        yield "name", str(tree[1])
    elif kind == "call" and tree[1] == "resolve":
        yield "resolve", ""
    elif kind == "call" and tree[1] == "extension" and tree[2][0][0] == "literal":
        yield "extension", str(tree[2][0][1])
    elif kind in ("call", "type") and tree[1] in ("ofType", "as"):
        if kind == "type":
            yield from _steps(tree[2])
        yield "type", str(tree[3] if kind == "type" else tree[2][0][1])
    else:
        raise FhirPathError("not a discriminator path")


def _one(engine: Engine, kind: str, path: str, piece: Element) -> Matcher | None:
    try:
        steps = steps_of(path)
    except FhirPathError:
        return None
    if kind == "exists":
        return _exists(engine, piece, steps)
    if kind in ("value", "pattern") and [one.maximum for one in _define(engine, piece, steps)][:1] == [0]:
        return _exists(engine, piece, steps)  # a slice that forbids the element holds what lacks it
    predicate = _predicate(engine, kind, piece, steps)
    if predicate is None:
        return None

    def matches(node: Node, place: Path, scope: Scope) -> bool:
        return any(predicate(one, place, scope) for one in select(node, steps, scope))

    return matches


def select(node: Node, steps: list[Step], scope: Scope) -> list[Node]:
    """The elements of an instance behind a discriminator path; an unresolvable reference stays a reference."""
    nodes = [node]
    for kind, argument in steps:
        if kind == "name":
            nodes = [child for one in nodes for child in one.child(argument)]
        elif kind == "extension":
            nodes = [child for one in nodes for child in one.child("extension") if child.value.get("url") == argument]
        elif kind == "resolve":
            nodes = [_resolved(one, scope) for one in nodes]
        else:
            nodes = [one for one in nodes if one.type_key == argument]
    return nodes


def _resolved(node: Node, scope: Scope) -> Node:
    reference = node.value.get("reference") if type(node.value) is dict else node.value
    target = references.resolve(reference, scope) if type(reference) is str else None
    return Node.of_resource(node.schema, target) if target is not None else node


def _exists(engine: Engine, piece: Element, steps: list[Step]) -> Matcher | None:
    found = _define(engine, piece, steps)
    if not found:
        return None
    if found[0].maximum == 0:
        return lambda node, _path, scope: not select(node, steps, scope)
    if found[0].minimum >= 1:
        return lambda node, _path, scope: bool(select(node, steps, scope))
    return None


def _predicate(engine: Engine, kind: str, piece: Element, steps: list[Step]) -> Predicate | None:
    resolved = bool(steps) and steps[-1][0] == "resolve"
    found = _define(engine, piece, steps[:-1] if resolved else steps)
    if kind == "type":
        return _type_predicate(engine, found, resolved=resolved)
    if kind == "profile":
        return _profile_predicate(found, resolved=resolved)
    tests = [test for element in found if (test := _criterion(engine, element, 0)) is not None]
    if not tests:
        return None
    return lambda node, path, scope: all(test(node, path, scope) for test in tests)


def _define(engine: Engine, piece: Element, steps: list[Step]) -> list[Element]:
    """The element definitions behind a path, most specific first."""
    found = [piece]
    for kind, argument in steps:
        found = [below for element in found for below in _descend(engine, element, kind, argument)]
    return found


def _descend(engine: Engine, element: Element, kind: str, argument: str) -> list[Element]:
    if kind == "type":
        return [element]
    if kind == "extension":
        return _extension(engine, element, argument)
    if kind == "resolve":
        targets = [target for use in element.types for target in use.targets]
        return [tree for target in targets if (tree := engine.profiles.tree(target)) is not None]
    constants = _constant_child(element, argument)
    if constants:
        return constants
    child = element.child(argument)
    if child is not None:
        return [child, *_borrowed(engine, element, argument)]
    for tree in _types(engine, element):
        child = tree.child(argument)
        if child is not None:
            return [child]
    return []


def _borrowed(engine: Engine, element: Element, name: str) -> Iterator[Element]:
    """A child as an element of another profile has it, where a type says to be like that element."""
    for profile in (one for use in element.types for one in use.profiles if "#" in one):
        tree = engine.profiles.tree(profile)
        child = tree.child(name) if tree is not None else None
        if child is not None:
            yield child


def _constant_child(element: Element, name: str) -> list[Element]:
    """What a fixed value or pattern of an element says of one of its children."""
    for kind in ("fixed", "pattern"):
        value = constant(element, kind)
        if type(value) is dict and name in value:
            below = value[name] if type(value[name]) is list else [value[name]]
            return [Element.of({"path": f"{element.path}.{name}", "min": 1, f"{kind}X": one}) for one in below]
    return []


def _types(engine: Engine, element: Element) -> Iterator[Element]:
    """Roots of the profiles on an element's types, then of the types themselves."""
    for use in element.types:
        for profile in use.profiles:
            tree = engine.profiles.tree(profile)
            if tree is not None:
                yield tree
    for use in element.types:
        tree = engine.schema.tree(use.code)
        if tree is not None:
            yield tree


def _extension(engine: Engine, element: Element, url: str) -> list[Element]:
    holder = element.child("extension")
    for piece in holder.slices if holder is not None else ():
        if any(canonical_url(profile) == url for use in piece.types for profile in use.profiles):
            return [piece]
        fixed = piece.child("url")
        if fixed is not None and constant(fixed, "fixed") == url:
            return [piece]
    tree = engine.profiles.tree(url)
    return [tree] if tree is not None else []


def _criterion(engine: Engine, element: Element, depth: int) -> Predicate | None:
    """What a value must be to fit an element: fixed, pattern, required binding, or all of that of its children."""
    fixed, pattern = constant(element, "fixed"), constant(element, "pattern")
    if fixed is not None:
        return lambda node, _path, _scope: same(fixed, node.value)
    if pattern is not None:
        return lambda node, _path, _scope: matches_pattern(pattern, node.value)
    binding = element.raw.get("binding") or {}
    if binding.get("strength") == "required" and binding.get("valueSet"):
        canonical, type_name = str(binding["valueSet"]), element.types[0].code if element.types else ""
        return lambda node, _path, scope: membership(scope.engine.terminology, canonical, type_name, node.value) is True
    return _children_criterion(engine, element, depth)


def _children_criterion(engine: Engine, element: Element, depth: int) -> Predicate | None:
    if depth > 4:
        return None
    tests: list[Predicate] = []
    for child in element.children:
        for one in child.slices or [child]:
            test = _criterion(engine, one, depth + 1) if one.minimum or not child.slices else None
            if test is not None:
                tests.append(_below(child.name.removesuffix("[x]"), test, required=one.minimum > 0))
    if not tests:
        for use in element.types:
            trees = [engine.profiles.tree(profile) for profile in use.profiles]
            found = [test for tree in trees if tree and (test := _children_criterion(engine, tree, depth + 1))]
            tests += found
    if not tests:
        return None
    return lambda node, path, scope: all(test(node, path, scope) for test in tests)


def _below(name: str, test: Predicate, *, required: bool) -> Predicate:
    def holds(node: Node, path: Path, scope: Scope) -> bool:
        children = node.child(name)
        return any(test(child, path, scope) for child in children) if children else not required

    return holds


def _type_predicate(engine: Engine, found: list[Element], *, resolved: bool) -> Predicate | None:
    if not found:
        return None
    uses = found[0].types
    if found[0].choice and found[0].slices:  # a choice that is sliced by type says there which types it has
        uses = tuple(use for piece in found[0].slices for use in piece.types)
    if not resolved:
        wanted = {use.code for use in uses}
        return lambda node, _path, _scope: _is_one_of(engine, node.type_key, wanted)
    targets = tuple(target for use in uses for target in use.targets)
    allowed = references.allowed_types(engine, targets)

    def holds(node: Node, _path: Path, scope: Scope) -> bool:
        if engine.schema.kind(node.type_key) == "resource":
            actual = node.type_key
        else:
            stated = str(node.value.get("type", "")).removeprefix(FHIR)
            actual = references.target_type(node.value.get("reference"), scope) or stated
        return bool(actual) and (not allowed or actual in allowed)

    return holds


def _is_one_of(engine: Engine, type_key: str, wanted: set[str]) -> bool:
    return type_key in wanted or any(name in wanted for name in engine.schema.ancestors(type_key.partition(".")[0]))


def _profile_predicate(found: list[Element], *, resolved: bool) -> Predicate | None:
    if not found:
        return None
    uses = found[0].types
    profiles = tuple(one for use in uses for one in (use.targets if resolved else use.profiles))
    if not profiles:
        return None

    def holds(node: Node, path: Path, scope: Scope) -> bool:
        engine = scope.engine
        if resolved and engine.schema.kind(node.type_key) != "resource":
            return False
        return any(engine.conforms(node.value, node.type_key, one, path, scope) is True for one in profiles)

    return holds
