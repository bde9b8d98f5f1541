"""Definitions: every structure, value set and code system that is known, found by canonical.

Three layers, the first that has an answer gives it: packages that were given, our own package, R4 as HL7 published it.
A version in the canonical (``url|1.2``) decides over the order of layers.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from fhir_plugin.errors import PackageError
from fhir_plugin.model.issues import Issue
from fhir_plugin.packages.base import BaseDefinitions, base_definitions
from fhir_plugin.packages.cache import resolve_sources
from fhir_plugin.packages.canonical import split, version_key, version_matches
from fhir_plugin.packages.release import ReleaseDefinitions, core_of
from fhir_plugin.packages.snapshot import SnapshotGenerator
from fhir_plugin.packages.source import Package, Resource, XmlReader, read_package

__all__ = ["Definitions", "load_definitions", "profiles_dir"]

Json = dict[str, Any]
CORE = "http://hl7.org/fhir/StructureDefinition/"


class Definitions:
    """What is defined, by canonical.

    Everything returned is shared between callers and threads: treat it as frozen.

    Args:
        layers: packages, the most important first.
        base: the definitions of FHIR itself below them: R4 unless told otherwise.
        prose: whether R4's elements carry ``short`` and ``definition`` (needed to publish snapshots, not to validate).
        issues: findings of loading.

    Attributes:
        generator: makes snapshots over these definitions, also of structures that are not part of them.
    """

    def __init__(
        self,
        layers: Sequence[Sequence[Package]] = (),
        *,
        base: BaseDefinitions | ReleaseDefinitions | None = None,
        prose: bool = False,
        issues: Iterable[Issue] = (),
    ) -> None:
        self._base: BaseDefinitions | ReleaseDefinitions = base or base_definitions()
        self._prose = prose
        self._packages = tuple(package for layer in layers for package in layer)
        self._index = _index(layers)
        self._snapshots: dict[tuple[str, str], Json] = {}
        self._under_way: set[tuple[str, str]] = set()
        self.generator = SnapshotGenerator(self.structure)
        self._lock = threading.RLock()
        self._issues = [*issues, *(issue for package in self._packages for issue in package.issues)]

    @property
    def fhir_version(self) -> str:
        """The FHIR version all this is about: ``4.0.1``."""
        return self._base.version

    @property
    def packages(self) -> tuple[Package, ...]:
        """The packages on top of R4, the most important first."""
        return self._packages

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What was wrong with the packages, and with the profiles of which a snapshot was made so far."""
        return tuple(self._issues)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over everything these definitions are made of; equal content gives equal hashes."""
        parts = [self._base.digest, str(self._prose), *(package.digest for package in self._packages)]
        return sha256("\n".join(parts).encode()).hexdigest()

    def structure(self, canonical: str) -> Json | None:
        """The StructureDefinition of a canonical, with its snapshot (generated where the package has none).

        Args:
            canonical: ``url`` or ``url|version``; without version the highest one counts.

        Returns:
            The definition, or None when it is unknown.

        Raises:
            PackageError: it is known, but no snapshot can be made of it (its base is unknown, it is circular, …).
        """
        return self.find("StructureDefinition", canonical)

    def structure_for_type(self, name: str) -> Json | None:
        """The StructureDefinition of a FHIR type by its name (``RelatedPerson``, ``HumanName``, ``string``)."""
        own = None if "/" in name else self._from_base("StructureDefinition", CORE + name)
        return own or self.structure(name if "/" in name else CORE + name)

    def value_set(self, canonical: str) -> Json | None:
        """The ValueSet of a canonical, or None."""
        return self.find("ValueSet", canonical)

    def code_system(self, canonical: str) -> Json | None:
        """The CodeSystem of a canonical, or None."""
        return self.find("CodeSystem", canonical)

    def search_parameters(self, resource_type: str) -> tuple[Json, ...]:
        """The R4 search parameters of a resource type, without those of Resource and DomainResource."""
        return self._base.search_parameters(resource_type)

    @cached_property
    def _globals(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = defaultdict(list)
        for guide in self.resources("ImplementationGuide", base=False):
            listed = guide.get("global")
            for one in listed if isinstance(listed, list) else ():
                found[str(one.get("type"))].append(str(one.get("profile")))
        return {kind: tuple(profiles) for kind, profiles in found.items()}

    def global_profiles(self, resource_type: str) -> tuple[str, ...]:
        """Profiles that a loaded guide asks of every resource of a type (``ImplementationGuide.global``)."""
        return self._globals.get(resource_type, ())

    def is_later_extension(self, url: str) -> bool:
        """Whether HL7 has, or may have, an extension that its core package does not define (known by name only)."""
        return self._base.is_later_extension(url)

    def find(self, kind: str, canonical: str) -> Json | None:
        """The definition of a kind and canonical; see :meth:`structure` for structures."""
        url, wanted = split(canonical)
        for resource in self._index.get((kind, url), ()):
            if version_matches(str(resource.body.get("version", "")), wanted):
                return self._ready(resource)
        found = self._from_base(kind, url)
        versions = (self.fhir_version, str(found.get("version", ""))) if found else ()
        return found if any(version_matches(version, wanted) for version in versions) else None

    def resources(self, kind: str, *, base: bool = True) -> Iterator[Json]:
        """Every definition of a kind; structures as they were published (a snapshot only where theirs has one).

        Args:
            kind: resource type.
            base: whether R4's own definitions follow those of the packages.
        """
        seen = set()
        for (of_kind, url), found in self._index.items():
            if of_kind == kind:
                seen.add(url)
                yield from (resource.body for resource in found)
        for url in self._base.urls(kind) if base else ():
            body = None if url in seen else self._from_base(kind, url)
            if body is not None:
                yield body

    def _from_base(self, kind: str, url: str) -> Json | None:
        found = self._base.get(kind, url)
        if found is None or not self._prose or kind != "StructureDefinition":
            return found
        with self._lock:
            key = (url, "#prose")
            if key not in self._snapshots:
                self._snapshots[key] = self._base.with_prose(found)
            return self._snapshots[key]

    def _ready(self, resource: Resource) -> Json:
        """A definition as readers want it: a structure with its snapshot, made once."""
        body = resource.body
        if resource.kind != "StructureDefinition" or "snapshot" in body:
            return body
        key = (str(body["url"]), str(body.get("version", "")))
        with self._lock:
            if key not in self._snapshots:
                self._snapshots[key] = self._generated(body, key, resource.file)
            return self._snapshots[key]

    def _generated(self, body: Json, key: tuple[str, str], file: str) -> Json:
        if key in self._under_way:
            raise PackageError(
                "This profile builds on itself.",
                code="snapshot-circular",
                where=key[0],
                remedy="Correct its baseDefinition, or those of the profiles between.",
            )
        self._under_way.add(key)
        try:
            structure, issues = self.generator.generate(body)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise PackageError(
                f"This profile is not well formed: {error!r}.",
                code="snapshot-malformed",
                where=f"{key[0]} ({file})",
                remedy="Validate it as a StructureDefinition and correct it.",
            ) from error
        finally:
            self._under_way.discard(key)
        self._issues += issues
        return structure


def _index(layers: Sequence[Sequence[Package]]) -> dict[tuple[str, str], list[Resource]]:
    """Definitions by kind and url; the first of each list is the one an unversioned canonical means."""
    index: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for layer in layers:
        of_layer: dict[tuple[str, str], list[Resource]] = defaultdict(list)
        for resource in (resource for package in layer for resource in package.resources):
            url = resource.body.get("url")
            if isinstance(url, str):
                of_layer[resource.kind, url].append(resource)
        for key, found in of_layer.items():
            index[key] += sorted(found, key=lambda entry: version_key(str(entry.body.get("version", ""))), reverse=True)
    return dict(index)


def load_definitions(
    packages: Sequence[Path | str] = (),
    *,
    own: bool = True,
    prose: bool = False,
    cache: Path | None = None,
    read_xml: XmlReader | None = None,
    fhir_version: str = "",
) -> Definitions:
    """FHIR itself, our own package and the packages given, with what they depend on as far as the FHIR cache has it.

    Args:
        packages: each a ``.tgz``, a folder, a folder of loose resources, one file, or ``name#version`` in the cache.
        own: whether our own profiles are loaded.
        prose: whether R4's elements carry ``short`` and ``definition``.
        cache: the FHIR package cache; ``$FHIR_PACKAGE_CACHE`` or ``~/.fhir/packages`` by default.
        read_xml: reads definitions in XML among loose resources; without it they are left out.
        fhir_version: ``STU3``, ``R4``, ``R4B``, ``R5`` or a version number; by default the version of the core package
            among those given, else R4. Our own profiles are for R4 only.

    Raises:
        PackageError: the version that is asked for is nowhere, or a package that was given cannot be read at all. Bad
            files inside one, and dependencies that are not there, are ``Definitions.issues``: the rest is used.
    """
    given, issues = resolve_sources(packages, cache, read_xml)
    core = core_of(given, fhir_version, cache)
    if core is not None:
        layer = [one for one in given if one.digest != core.digest]
        return Definitions((layer,), base=ReleaseDefinitions(core), prose=prose, issues=issues)
    folder = profiles_dir()
    ours = [read_package(folder)] if own and folder is not None and any(folder.rglob("*.json")) else []
    return Definitions((given, ours), prose=prose, issues=issues)


def profiles_dir() -> Path | None:
    """The folder of our own conformance resources: ``profiles/`` of the checkout, or its copy in the wheel."""
    package = Path(__file__).resolve().parents[1]
    in_checkout = (package.parent / "pyproject.toml").is_file()
    folder = package.parent / "profiles" if in_checkout else package / "_data" / "profiles"
    return folder if folder.is_dir() else None
