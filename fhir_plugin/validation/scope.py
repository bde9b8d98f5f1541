"""Where a check stands: the path so far, the resource it is in, and where findings go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_plugin.model.issues import Severity
from fhir_plugin.validation.fhirpath import Node

if TYPE_CHECKING:
    from fhir_plugin.validation.bundles import BundleIndex
    from fhir_plugin.validation.engine import Engine

__all__ = ["Finding", "Path", "Scope", "render_path", "segments"]

Json = dict[str, Any]
Path = tuple[Any, str, int | None]
"""(parent path or None, segment, index or None); rendered only where there is something to say."""


class Finding(NamedTuple):
    """An issue before its place in the text is known.

    Attributes:
        path: the element that is judged.
        at: what a reader must look at, where that is not the element itself but something in it.
    """

    severity: Severity
    code: str
    path: Path
    params: tuple[tuple[str, str], ...] = ()
    source: str = ""
    at: Path | None = None


def segments(path: Path | None) -> Iterator[tuple[str, int | None]]:
    """Segments from the root down."""
    chain = []
    while path is not None:
        path, name, index = path
        chain.append((name, index))
    return reversed(chain)


def render_path(path: Path, known: dict[int, str] | None = None) -> str:
    """``RelatedPerson.name[0].given[1]``.

    Args:
        path: what to render.
        known: texts of paths that live as long as this does, by identity: those of one resource share their beginnings.
    """
    if known is not None and (found := known.get(id(path))) is not None:
        return found
    around, name, index = path
    text = name if around is None else f"{render_path(around, known)}.{name}"
    if index is not None:
        text = f"{text}[{index}]"
    if known is not None:
        known[id(path)] = text
    return text


@dataclass(slots=True)
class Scope:
    """One resource under validation.

    Attributes:
        engine: compiled definitions and policy.
        findings: what was found so far; shared with the scopes around it except during a trial.
        resource: the resource the current element belongs to (``%resource``).
        path: location of that resource.
        outer: scope of the resource that contains this one, or None for a resource that stands alone.
        bundle: index of the Bundle around it, or None.
        full_url: fullUrl of the Bundle entry it is in.
        contained: whether it is a contained resource.
        element_ids: element ids met so far, with the element that has them.
        verdicts: (value, profile) pairs that were judged already.
        node: the resource for FHIRPath, once asked for.
        anchors: ids that links in narratives may lead to, once asked for (outermost resource only).
        contained_by_id: contained resources, once one is asked for; of the same id the first.
    """

    engine: Engine
    findings: list[Finding]
    resource: Json
    path: Path
    outer: Scope | None = None
    bundle: BundleIndex | None = None
    full_url: str = ""
    contained: bool = False
    element_ids: dict[str, Path] | None = None
    verdicts: dict[tuple[int, str], bool] | None = None
    node: Node | None = None
    anchors: frozenset[str] | None = None
    contained_by_id: dict[str, Json] | None = None

    def error(self, code: str, path: Path, *params: tuple[str, str], source: str = "", at: Path | None = None) -> None:
        """Report an error."""
        self.findings.append(Finding(Severity.ERROR, code, path, params, source, at))

    def warn(self, code: str, path: Path, *params: tuple[str, str], source: str = "") -> None:
        """Report a warning."""
        self.findings.append(Finding(Severity.WARNING, code, path, params, source))

    def inform(self, code: str, path: Path, *params: tuple[str, str], source: str = "") -> None:
        """Report information."""
        self.findings.append(Finding(Severity.INFORMATION, code, path, params, source))

    @property
    def root(self) -> Scope:
        """The scope of the resource that holds this one when contained, else this one (``%rootResource``)."""
        return self.outer.root if self.contained and self.outer else self

    @property
    def entry(self) -> Path | None:
        """The Bundle entry whose resource this one is, or is contained in; None where there is none."""
        holder: Path | None = self.root.path[0]
        return holder if holder is not None and holder[1] == "entry" else None

    def resource_node(self) -> Node:
        """The resource for FHIRPath."""
        if self.node is None:
            self.node = Node.of_resource(self.engine.schema, self.resource)
        return self.node

    def trial(self) -> Scope:
        """The same place with findings kept apart."""
        return Scope(self.engine, [], self.resource, self.path, self.outer, self.bundle, self.full_url,
                     self.contained, None, self.verdicts, self.node)  # fmt: skip

    def inside(self, resource: Json, path: Path, *, contained: bool, full_url: str = "") -> Scope:
        """The scope of a resource within this one."""
        return Scope(self.engine, self.findings, resource, path, self, self.bundle,
                     full_url or self.full_url, contained, {}, self.verdicts)  # fmt: skip
