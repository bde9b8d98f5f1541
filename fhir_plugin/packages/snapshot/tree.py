"""A snapshot as a tree: elements, their children, and the slices beside them.

The list form of a snapshot says who belongs to whom by paths, ids and order. As a tree, walking, cloning and slicing
are what they sound like; ids, paths and order follow when the tree is written out again
(https://hl7.org/fhir/R4/elementdefinition.html#id).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fhir_plugin.packages.snapshot.merge import inherited

__all__ = ["Json", "Node", "read", "write"]

Json = dict[str, Any]


class Node:
    """One element definition.

    Attributes:
        name: last segment of its path (``identifier``, ``value[x]``); the type's name for the root.
        slice_name: its slice (``bsn``; ``bsn/old`` for a slice of a slice), empty for the element itself.
        facts: the element definition without ``id``, ``path`` and ``sliceName``. Replaced when changed, never changed
            in place: clones share it.
        children: the elements below it, without their slices.
        slices: the slices of this element, in order; only an element itself has them, slices of slices included.
    """

    __slots__ = ("children", "facts", "name", "slice_name", "slices")

    def __init__(self, name: str, facts: Json, slice_name: str = "") -> None:
        self.name = name
        self.slice_name = slice_name
        self.facts = facts
        self.children: list[Node] = []
        self.slices: list[Node] = []

    def clone(self, *, slices: bool = True) -> Node:
        """A copy with copies of all below; ``slices`` says whether its own slices come along."""
        copy = Node(self.name, self.facts, self.slice_name)
        copy.children = [child.clone() for child in self.children]
        copy.slices = [entry.clone() for entry in self.slices] if slices else []
        return copy

    def child(self, name: str) -> Node | None:
        """The child of that exact name."""
        return next((child for child in self.children if child.name == name), None)

    def slice(self, name: str) -> Node | None:
        """The slice of that exact name."""
        return next((entry for entry in self.slices if entry.slice_name == name), None)

    def add_slice(self, entry: Node) -> None:
        """Add a slice: after the slices of the same slice, else last."""
        parent = entry.slice_name.rpartition("/")[0]
        place = len(self.slices)
        if parent:
            kin = [at for at, other in enumerate(self.slices) if f"{other.slice_name}/".startswith(f"{parent}/")]
            place = kin[-1] + 1 if kin else place
        self.slices.insert(place, entry)

    @property
    def is_choice(self) -> bool:
        """Whether it is a ``value[x]``."""
        return self.name.endswith("[x]")

    @property
    def types(self) -> list[Json]:
        """Its allowed types."""
        found: list[Json] = self.facts.get("type", [])
        return found


def read(elements: Iterable[Json], source: str) -> Node:
    """The tree of the snapshot of the structure ``source``, for those who build on it.

    Raises:
        ValueError: no elements, or one whose parent is not before it.
    """
    root: Node | None = None
    trail: list[tuple[str, Node]] = []
    for element in elements:
        path = element["path"]
        facts = {key: value for key, value in element.items() if key not in ("id", "path", "sliceName")}
        facts = inherited(facts, source)
        parent_path, _, name = path.rpartition(".")
        node = Node(name, facts, element.get("sliceName", ""))
        if root is None:
            root = node
            trail = [(path, node)]
            continue
        while trail and trail[-1][0] != parent_path:
            trail.pop()
        if not trail:
            raise ValueError(f"{path} comes before its parent")
        _attach(trail[-1][1], node)
        trail.append((path, node))
    if root is None:
        raise ValueError("the snapshot has no elements")
    return root


def _attach(parent: Node, node: Node) -> None:
    unsliced = parent.child(node.name) if node.slice_name else None
    if unsliced is None:
        parent.children.append(node)
    else:
        unsliced.slices.append(node)


def write(root: Node) -> list[Json]:
    """The elements of a tree, in snapshot order, with ids and paths."""
    return list(_write(root, "", ""))


def _write(node: Node, path: str, identity: str) -> Iterator[Json]:
    own_path = f"{path}.{node.name}" if path else node.name
    own_id = f"{identity}.{node.name}" if identity else node.name
    head: Json = {"id": own_id, "path": own_path}
    if node.slice_name:
        own_id = f"{own_id}:{node.slice_name}"
        head = {"id": own_id, "path": own_path, "sliceName": node.slice_name}
    yield head | node.facts
    for child in node.children:
        yield from _write(child, own_path, own_id)
    for entry in node.slices:
        yield from _write(entry, path, identity)
