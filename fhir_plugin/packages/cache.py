"""The user's FHIR package cache, shared with other FHIR tools: ``~/.fhir/packages/name#version/package/…``.

Source: https://confluence.hl7.org/display/FHIR/FHIR+Package+Cache.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from fhir_plugin.errors import PackageError
from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.packages.canonical import version_key, version_matches
from fhir_plugin.packages.source import Package, XmlReader, read_package

__all__ = ["PackageId", "cache_folder", "find_cached", "list_cached", "parse_id", "resolve_sources"]

_ID = re.compile(r"(?P<name>@?[A-Za-z0-9][A-Za-z0-9._/-]*?)[#@](?P<version>[A-Za-z0-9][A-Za-z0-9.+_-]*)")
SHIPPED = re.compile(r"hl7\.fhir\.r4\.(core|expansions)")
"""Packages whose definitions ship with this one."""

PackageId = tuple[str, str]
"""Name and version."""


def cache_folder() -> Path:
    """``$FHIR_PACKAGE_CACHE``, or ``~/.fhir/packages``."""
    chosen = os.environ.get("FHIR_PACKAGE_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".fhir" / "packages"


def parse_id(text: str) -> PackageId | None:
    """Name and version of ``name#version`` or ``name@version``, or None when the text is something else."""
    found = _ID.fullmatch(text)
    return (found["name"], found["version"]) if found and ".." not in text else None


def list_cached(folder: Path | None = None) -> list[tuple[str, str, Path]]:
    """Name, version and folder of every package in the cache, sorted by name and version."""
    root = folder or cache_folder()
    found = []
    for entry in root.iterdir() if root.is_dir() else ():
        name, separator, version = entry.name.partition("#")
        if separator and (entry / "package" / "package.json").is_file():
            found.append((name, version, entry))
    return sorted(found, key=lambda item: (item[0], version_key(item[1])))


def find_cached(name: str, version: str, folder: Path | None = None) -> Path | None:
    """The folder of a cached package; ``1.0.x`` and ``latest`` take the highest version that fits."""
    exact = (folder or cache_folder()) / f"{name}#{version}"
    if (exact / "package" / "package.json").is_file():
        return exact
    fitting = [path for found, has, path in list_cached(folder) if found == name and version_matches(has, version)]
    return fitting[-1] if fitting else None


def resolve_sources(
    sources: Sequence[Path | str], folder: Path | None = None, read_xml: XmlReader | None = None
) -> tuple[list[Package], list[Issue]]:
    """The packages of some sources, in their order, followed by what they depend on.

    Args:
        sources: paths, or ``name#version`` of packages in the cache.
        folder: the cache.
        read_xml: reads definitions in XML among loose resources.

    Returns:
        The packages, and a finding for every dependency that is not there or cannot be read.

    Raises:
        PackageError: one of the sources cannot be read at all.
    """
    packages = [read_package(_locate(source, folder), read_xml) for source in sources]
    issues: list[Issue] = []
    known = {package.name for package in packages}
    waiting = deque(_dependencies(packages))
    while waiting:
        parent, name, version = waiting.popleft()
        if name in known or SHIPPED.fullmatch(name):
            continue
        known.add(name)
        found = _beside(parent, name, version) or find_cached(name, version, folder)
        if found is None:
            issues.append(_unmet(parent, name, version, "package-dependency"))
            continue
        try:
            package = read_package(found)
        except PackageError as error:
            issues.append(_unmet(parent, name, version, error.code))
            continue
        packages.append(package)
        waiting.extend(_dependencies([package]))
    return packages, issues


def _beside(parent: Package, name: str, version: str) -> Path | None:
    """A dependency that lies next to the package that asks for it, under the names registries and caches give it."""
    if parse_id(f"{name}#{version}") is None or "/" in name:
        return None
    folder = Path(parent.source).parent
    names = [f"{name}{mark}{version}{ending}" for mark in "#-" for ending in (".tgz", "")]
    return next((path for one in names if (path := folder / one).exists()), None)


def _locate(source: Path | str, folder: Path | None) -> Path:
    path = Path(source)
    wanted = parse_id(str(source)) if not path.exists() else None
    if wanted is None:
        return path
    found = find_cached(*wanted, folder)
    if found is None:
        raise PackageError(
            "This package is not in the FHIR cache.",
            code="package-missing",
            where="#".join(wanted),
            remedy="Add it with `steunfiguren package add`.",
        )
    return found


def _dependencies(packages: Sequence[Package]) -> Iterator[tuple[Package, str, str]]:
    for package in packages:
        for name, version in package.dependencies.items():
            yield package, name, version


def _unmet(parent: Package, name: str, version: str, code: str) -> Issue:
    return Issue(
        severity=Severity.WARNING,
        code=code,
        params=(("dependency", f"{name}#{version}"), ("package", parent.name)),
        source=parent.source,
    )
