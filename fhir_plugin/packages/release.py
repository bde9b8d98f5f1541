"""Another release of FHIR than R4 as the base of everything: STU3, R4B, R5, from its own core package.

A core package is one that defines the type Resource itself; the one of R4 ships with this software. What STU3 writes in
another way (http://hl7.org/fhir/R4/diff.html, StructureDefinition and ElementDefinition) is read as R4 writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fhir_plugin.errors import PackageError
from fhir_plugin.packages.base import BASE_VERSION
from fhir_plugin.packages.cache import find_cached
from fhir_plugin.packages.source import Package, read_package

__all__ = ["RELEASES", "ReleaseDefinitions", "core_of"]

Json = dict[str, Any]

RELEASES = {
    "STU3": ("hl7.fhir.r3.core", "3.0"),
    "R4": ("hl7.fhir.r4.core", "4.0"),
    "R4B": ("hl7.fhir.r4b.core", "4.3"),
    "R5": ("hl7.fhir.r5.core", "5.0"),
}
"""Release → its core package and the start of its version."""
_RESOURCE = "http://hl7.org/fhir/StructureDefinition/Resource"


def core_of(packages: Sequence[Package], release: str = "", cache: Path | None = None) -> Package | None:
    """The core package to build on, or None for R4 as it ships.

    Args:
        packages: those that were given; a core package among them decides.
        release: a key of :data:`RELEASES` or a version (``5.0.0``); empty to go by the packages.
        cache: the FHIR package cache, where the core of a release that was asked for may be.

    Raises:
        PackageError: the release is asked for and its core package is nowhere.
    """
    name, wanted = RELEASES.get(release.upper(), ("", release))
    found = [one for one in packages if _version(one) not in ("", BASE_VERSION) and _version(one).startswith(wanted)]
    if found or not wanted or BASE_VERSION.startswith(wanted):
        return found[0] if found else None
    name = name or next((one for one, start in RELEASES.values() if wanted.startswith(start)), "")
    cached = find_cached(name, "latest", cache) if name else None
    if cached is None:
        raise PackageError(
            "The definitions of this FHIR version are not here.",
            code="fhir-version-missing",
            where=release,
            remedy=f"Give its core package ({name or 'hl7.fhir.….core'}) with --package, or add it to the FHIR cache.",
        )
    return read_package(cached)


def _version(package: Package) -> str:
    """FHIR version of a core package; empty for any other package."""
    for one in package.resources:
        if one.kind == "StructureDefinition" and one.body.get("url") == _RESOURCE:
            return str(one.body.get("fhirVersion") or package.version)
    return ""


class ReleaseDefinitions:
    """The definitions of a core package, in the place of those of R4.

    Args:
        package: one that :func:`core_of` chose.
    """

    def __init__(self, package: Package) -> None:
        self.version = _version(package)
        self.digest = package.digest
        self._found: dict[tuple[str, str], Json] = {}
        for one in package.resources:
            self._found.setdefault((one.kind, str(one.body.get("url"))), one.body)
        self._ready: dict[str, Json] = {}

    def is_later_extension(self, url: str) -> bool:
        """Whether an extension may be HL7's own without being here: since R5 those are in a package of their own."""
        return self.version >= "5" and url.startswith("http://hl7.org/fhir/StructureDefinition/")

    def get(self, kind: str, url: str) -> Json | None:
        """The definition of a kind and url, or None."""
        found = self._found.get((kind, url))
        if found is None or kind != "StructureDefinition" or not self.version.startswith("3."):
            return found
        if url not in self._ready:
            self._ready[url] = _modern(found)
        return self._ready[url]

    def with_prose(self, structure: Json) -> Json:
        """A structure as it is: core packages have their prose."""
        return structure

    def urls(self, kind: str) -> Iterator[str]:
        """The urls of every definition of a kind."""
        return (url for of_kind, url in self._found if of_kind == kind)

    def search_parameters(self, resource_type: str) -> tuple[Json, ...]:
        """The search parameters of a resource type."""
        return tuple(
            body for (kind, _), body in self._found.items()
            if kind == "SearchParameter" and resource_type in (body.get("base") or ())
        )  # fmt: skip


def _modern(structure: Json) -> Json:
    """A StructureDefinition of STU3 as R4 writes it."""
    result = dict(structure)
    context = structure.get("context")
    if type(context) is list and structure.get("contextType"):
        kind = "extension" if structure["contextType"] == "extension" else "element"
        result["context"] = [{"type": kind, "expression": str(one)} for one in context if type(one) is str]
    for view in ("snapshot", "differential"):
        if type(structure.get(view)) is dict:
            result[view] = {"element": [_modern_element(one) for one in structure[view].get("element", ())]}
    return result


def _modern_element(element: Json) -> Json:
    result = dict(element)
    if "type" in element:
        merged: dict[str, Json] = {}
        for one in element["type"]:
            code = str(one.get("code") or "http://hl7.org/fhirpath/System.String")
            kept = merged.setdefault(code, {"code": code})
            for name in ("profile", "targetProfile"):
                said = one.get(name) or []
                if said:
                    kept.setdefault(name, []).extend([said] if type(said) is str else said)
        result["type"] = list(merged.values())
    binding = element.get("binding")
    if type(binding) is dict and "valueSet" not in binding:
        by_reference = binding.get("valueSetReference")
        named = by_reference.get("reference") if type(by_reference) is dict else binding.get("valueSetUri")
        result["binding"] = {**binding, "valueSet": named} if named else binding
    return result
