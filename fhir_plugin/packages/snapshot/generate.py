"""The generator: the base's tree, walked and sliced as the differential asks.

Sources: https://hl7.org/fhir/R4/profiling.html (snapshot, slicing, slicing of choices, extensions) and
https://hl7.org/fhir/R4/elementdefinition.html (ids, contentReference, sliceIsConstraining).
"""

from __future__ import annotations

from collections.abc import Callable

from fhir_plugin.errors import PackageError
from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.packages.snapshot.locate import Step, located
from fhir_plugin.packages.snapshot.merge import as_extension, as_slice, merged, without_extension_prose
from fhir_plugin.packages.snapshot.tree import Json, Node, read, write

__all__ = ["SnapshotGenerator"]

CORE = "http://hl7.org/fhir/StructureDefinition/"
FHIRPATH_TYPES = "http://hl7.org/fhirpath/"
EXTENSION_ELEMENTS = ("Extension", "extension", "modifierExtension")
EXTENSION_SLICING: Json = {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "open"}
CHOICE_SLICING: Json = {"discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": "open"}


class SnapshotGenerator:
    """Makes snapshots.

    Args:
        lookup: a StructureDefinition with snapshot by canonical, or None where it is unknown.
    """

    def __init__(self, lookup: Callable[[str], Json | None]) -> None:
        self._lookup = lookup
        self._trees: dict[str, tuple[Json, Node]] = {}

    def generate(self, structure: Json) -> tuple[Json, tuple[Issue, ...]]:
        """The structure with its snapshot, and what of its differential could not be placed.

        Raises:
            PackageError: its base is unknown or of another type.
        """
        where = str(structure.get("url") or structure.get("id") or "StructureDefinition")
        base = self._lookup(str(structure.get("baseDefinition", "")))
        if base is None:
            raise _error(where, "base-unknown", f"Its base {structure.get('baseDefinition')!r} is not known.")
        root = self._tree(base).clone()
        run = _Run(self, root, structure, where)
        for steps, element in located(structure.get("differential", {}).get("element", [])):
            run.apply(steps, element)
        run.settle()
        return {**structure, "snapshot": {"element": write(root)}}, tuple(run.issues)

    def _tree(self, structure: Json) -> Node:
        """The tree of a structure's snapshot; shared, so to be cloned before it is changed."""
        url = structure["url"]
        known = self._trees.get(url)
        if known is None or known[0] is not structure:
            known = self._trees[url] = (structure, read(structure["snapshot"]["element"], url))
        return known[1]

    def tree_of(self, canonical: str) -> Node | None:
        """The tree of what an element's type or profile names; None where it is unknown or cannot be used.

        A profile may name one that names it in turn, and does not suffer from the errors of those it names.
        """
        try:
            structure = self._lookup(canonical)
        except PackageError:
            return None
        return self._tree(structure) if structure else None


class _Run:
    """One generation: the tree that is growing, and what is needed to let it."""

    def __init__(self, generator: SnapshotGenerator, root: Node, structure: Json, where: str) -> None:
        self._trees = generator.tree_of
        self._root = root
        self._where = where
        self._before: dict[int, Json] = {}
        self._sliced: dict[int, Node] = {}
        self._slicing_said: set[int] = set()
        self._minimum_said: set[int] = set()
        self._new_types: dict[int, Node] = {}
        self.issues: list[Issue] = []
        self._specializes = structure.get("derivation") == "specialization"
        if self._specializes:
            root.name = str(structure["type"]).rpartition("/")[2]

    def apply(self, steps: tuple[Step, ...], element: Json) -> None:
        """Let one differential element speak; one that has no place in the base is an issue, and the rest goes on."""
        place = str(element.get("id") or element["path"])
        node: Node | None = self._root
        within = False
        for name, slice_name in steps:
            node = self._walk(node, name, slice_name, within_slice=within) if node else None
            within = within or bool(slice_name)
        if node is None:
            self.issues.append(_issue(self._where, place))
            return
        self._before.setdefault(id(node), node.facts)
        if "slicing" in element:
            self._slicing_said.add(id(node))
        if "min" in element:
            self._minimum_said.add(id(node))
        if node.name in EXTENSION_ELEMENTS:
            node.facts = self._as_extension(node, element)
        node.facts = merged(node.facts, element)
        if "base" not in node.facts:
            own = {"path": element["path"], "min": node.facts.get("min", 0), "max": node.facts.get("max", "1")}
            node.facts = {**node.facts, "base": own}

    def settle(self) -> None:
        """Let the sliced elements follow from their slices."""
        extension = self._trees(f"{CORE}Extension")
        value = extension.child("value[x]") if extension else None
        for node in self._sliced.values():
            if node.is_choice:
                self._settle_choice(node, narrow=value is not None and node.types == value.types)
            elif node.name in EXTENSION_ELEMENTS and id(node) not in self._slicing_said:
                total = sum(entry.facts.get("min", 0) for entry in node.slices)
                node.facts = {**node.facts, "min": max(total, node.facts.get("min", 0))}

    def _settle_choice(self, node: Node, *, narrow: bool) -> None:
        """A choice has one value: a slice that must be there leaves no other type, and neither does a closed slicing.

        Of a minimum that is not said no conclusions are drawn; a type's only new slice takes over that of its choice.

        Args:
            node: the choice.
            narrow: whether its slices say all its types, as they do for the value of an extension. Where every type has
                its slice, the slicing is closed.
        """
        present = [entry for entry in node.slices if len(entry.types) == 1]
        required = [entry for entry in present if entry.facts.get("min", 0) > 0 and id(entry) in self._minimum_said]
        facts = dict(node.facts)
        if required:
            facts["min"] = max(1, facts.get("min", 0))
        if required or narrow or facts["slicing"].get("rules") == "closed":
            left = {entry.types[0]["code"] for entry in required or present}
            facts["type"] = [entry for entry in node.types if entry["code"] in left] or node.types
        if {entry["code"] for entry in facts["type"]} == {entry.types[0]["code"] for entry in present}:
            facts["slicing"] = {**facts["slicing"], "rules": "closed"}
        if len(present) == 1 and id(present[0]) in self._new_types and id(present[0]) not in self._minimum_said:
            present[0].facts = {**present[0].facts, "min": max(present[0].facts.get("min", 0), facts.get("min", 0))}
        node.facts = facts

    def _walk(self, parent: Node, name: str, slice_name: str, *, within_slice: bool) -> Node | None:
        if not parent.children:
            parent.children = self._expanded(parent)
        node = parent.child(name)
        if node is None:
            node, implied = _choice_of(parent, name)
            slice_name = slice_name or implied
        if node is None and self._specializes:
            node = Node(name, {})
            parent.children.append(node)
        if node is None:
            return None
        return self._slice(node, slice_name, within_slice=within_slice) if slice_name else node

    def _expanded(self, node: Node) -> list[Node]:
        """Copies of what lies below an element by its type, its type's profile, or the element it refers to."""
        reference = node.facts.get("contentReference")
        if reference:
            target = self._referenced(reference)
            if target is None:
                return []
            node.facts = {key: value for key, value in node.facts.items() if key != "contentReference"}
            node.facts["type"] = target.types
            return [child.clone() for child in target.children]
        for canonical in _content_of(node.types):
            tree = self._trees(canonical)
            if tree is not None:
                return [child.clone() for child in tree.children]
        return []

    def _referenced(self, reference: str) -> Node | None:
        url, _, path = reference.partition("#")
        # the type as published: what this profile asks of the element does not recur in the elements below it
        root = self._trees(url or f"{CORE}{path.partition('.')[0]}")
        node: Node | None = root or self._root
        for name in path.split(".")[1:]:
            node = node.child(name) if node else None
        return node

    def _slice(self, node: Node, name: str, *, within_slice: bool) -> Node:
        found = node.slice(name)
        if found is not None:
            self._sliced[id(node)] = node
            return found
        if "contentReference" in node.facts and not node.children:
            node.children = self._expanded(node)
        template = node.slice(name.rpartition("/")[0]) or node
        new = template.clone(slices=False)
        new.slice_name = name
        before = template.facts if template.slice_name else self._before.get(id(template), template.facts)
        new.facts = as_slice(template.facts, before)
        if node.is_choice:
            node.facts = {**node.facts, "slicing": CHOICE_SLICING | node.facts.get("slicing", {})}
            typed = _type_in(name, node)
            if typed is not None:
                new.facts["type"] = [typed]
            self._new_types[id(new)] = new
        elif node.name in EXTENSION_ELEMENTS:
            if "slicing" not in node.facts:
                words = node.facts if within_slice else without_extension_prose(node.facts)
                node.facts = {"slicing": EXTENSION_SLICING} | words
            new.facts = new.facts if template.slice_name else without_extension_prose(new.facts)
        self._sliced[id(node)] = node
        node.add_slice(new)
        return new

    def _as_extension(self, node: Node, element: Json) -> Json:
        """The facts of an extension element; where the differential says which one, those of its definition."""
        if not node.slice_name:
            node.facts = without_extension_prose(node.facts)
        types: list[Json] = element.get("type", [])
        profiles: list[str] = types[0].get("profile", []) if len(types) == 1 else []
        tree = self._trees(profiles[0]) if len(profiles) == 1 else None
        return as_extension(node.facts, tree.facts) if tree is not None else node.facts


def _content_of(types: list[Json]) -> list[str]:
    """Canonicals that may say what lies below an element, the most exact first."""
    codes = {entry["code"] for entry in types}
    if not codes:
        return []
    if len(codes) > 1:
        return [f"{CORE}Element"]
    code = codes.pop()
    if code.startswith(FHIRPATH_TYPES):
        return []
    profiles = types[0].get("profile", []) if len(types) == 1 else []
    return [*(profiles if len(profiles) == 1 else []), code if "/" in code else CORE + code]


def _choice_of(parent: Node, name: str) -> tuple[Node | None, str]:
    """The choice element that ``valueQuantity`` means, and the name of its slice: none where it has that type only.

    Bases of before R4 name a choice of one type by that type; there ``value[x]`` means ``valueQuantity``.
    """
    for node in parent.children:
        if node.is_choice and _type_in(name, node) is not None:
            return node, name if len(node.types) > 1 or node.slice(name) else ""
        if len(node.types) == 1 and name == f"{node.name.removesuffix(_capitalized(node.types[0]['code']))}[x]":
            return node, ""
    return None, ""


def _type_in(name: str, node: Node) -> Json | None:
    """The type that a name such as ``valueQuantity`` chooses of a ``value[x]``."""
    stem = node.name.removesuffix("[x]")
    if not name.startswith(stem):
        return None
    chosen = name.removeprefix(stem)
    return next((entry for entry in node.types if _capitalized(entry["code"]) == chosen), None)


def _capitalized(code: str) -> str:
    return code[:1].upper() + code[1:]


def _issue(where: str, place: str) -> Issue:
    return Issue(severity=Severity.ERROR, code="snapshot-element", params=(("element", place),), source=where)


def _error(where: str, code: str, message: str) -> PackageError:
    return PackageError(
        f"No snapshot can be made of this profile. {message}",
        code=f"snapshot-{code}",
        where=where,
        remedy="Correct the profile, or give the package that it builds on.",
    )
