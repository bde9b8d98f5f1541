"""Reading FHIR packages: ``.tgz``, unpacked folder, folder of loose resources, single file.

The format is FHIR's npm flavour (https://confluence.hl7.org/display/FHIR/NPM+Package+Specification): a gzipped tar
with ``package/package.json`` and one JSON resource per file in ``package/``. Nothing is ever unpacked to disk here,
so a member's name cannot lead anywhere; sizes and counts are bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from fhir_plugin.errors import PackageError
from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.packages.jsonio import loads

if TYPE_CHECKING:
    import gzip
    import tarfile

__all__ = ["CONFORMANCE_TYPES", "Package", "Resource", "XmlReader", "archive_members", "read_package"]

Json = dict[str, Any]
XmlReader = Callable[[bytes], Json | None]
"""An XML resource as JSON values; None for XML that is no FHIR. Raises ValueError for what is not well formed."""

CONFORMANCE_TYPES = frozenset(
    {
        *("StructureDefinition", "ValueSet", "CodeSystem", "ConceptMap", "NamingSystem", "SearchParameter"),
        *("CapabilityStatement", "OperationDefinition", "ImplementationGuide", "CompartmentDefinition"),
        *("MessageDefinition", "GraphDefinition", "StructureMap", "TerminologyCapabilities", "Questionnaire"),
        *("Measure", "Library"),
    }
)
"""Resource types that define something; other files of a package (examples, schemas) are not definitions."""

MAX_FILES = 50_000
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_TOTAL_BYTES = 512 * 1024 * 1024
_PART = 64 * 1024
"""Bounds of an unpacked package. The largest published ones (R4 and R5 core) stay below a third of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One definition of a package.

    Attributes:
        file: its name inside the package, for messages.
        body: the resource; shared, so never to be changed.
    """

    file: str
    body: Json = field(repr=False)

    @property
    def kind(self) -> str:
        """The resource type."""
        return str(self.body["resourceType"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A FHIR package as read.

    Attributes:
        name: package id (``hl7.fhir.r4.core``); the folder's name for loose resources.
        version: version as its ``package.json`` states; empty for loose resources.
        dependencies: package id → version.
        resources: the definitions, by file name.
        issues: files that could not be used, and why.
        digest: SHA-256 over names and contents of the files read.
        source: where it came from, for messages.
    """

    name: str
    version: str = ""
    dependencies: Mapping[str, str] = field(default_factory=dict)
    resources: tuple[Resource, ...] = ()
    issues: tuple[Issue, ...] = ()
    digest: str = ""
    source: str = ""


def read_package(source: Path, read_xml: XmlReader | None = None) -> Package:
    """Read a package from disk.

    Args:
        source: a ``.tgz``, a folder with ``package.json`` (itself or in ``package/``), a folder of loose resources
            (searched through all its folders), or one file.
        read_xml: reads definitions in XML among loose resources; without it they are left out.

    Raises:
        PackageError: nothing of it can be used. A single bad file is an issue of the package instead.
    """
    if source.is_dir():
        root = next((folder for folder in (source / "package", source) if (folder / "package.json").is_file()), None)
        members = _folder_members(root, recursive=False) if root else _loose_members(source, xml=read_xml is not None)
        return _package(source, members, read_xml)
    if not source.is_file():
        raise PackageError(
            "There is no such package.",
            code="package-missing",
            where=str(source),
            remedy="Give a .tgz file, a folder, or name#version of a package in the FHIR cache.",
        )
    if source.suffix == ".json" or (source.suffix == ".xml" and read_xml is not None):
        return _package(source, [(source.name, source.read_bytes())], read_xml)
    with source.open("rb") as stream:
        return _package(source, (pair for pair in archive_members(stream, str(source)) if _is_definition(pair[0])))


def archive_members(stream: IO[bytes], where: str) -> Iterator[tuple[str, bytes]]:
    """The files of a package archive, as ``(name, content)``.

    Links, devices and directories are left out.

    Raises:
        PackageError: not a gzipped tar, a name that leaves the package, or more than the bounds allow.
    """
    import gzip  # only archives need these two, and a validation should start fast
    import tarfile
    import zlib

    try:
        with gzip.GzipFile(fileobj=stream) as unzipped:
            bounded = _Bounded(unzipped, where)
            with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r|") as archive:
                for count, member in enumerate(archive):
                    _check_member(member, count, where)
                    content = archive.extractfile(member) if member.isfile() else None
                    if content is not None:
                        yield str(PurePosixPath(member.name)), content.read()
            while bounded.read(_PART):  # the checksum stands behind the last byte, and tarfile stops before it
                pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise PackageError(
            f"The archive cannot be read: {error}.",
            code="package-archive",
            where=where,
            remedy="Download it again; a FHIR package is a gzipped tar with a folder named package.",
        ) from error


class _Bounded:
    """A stream that refuses to give more than a package may hold, however small the archive is."""

    def __init__(self, stream: gzip.GzipFile, where: str) -> None:
        self._stream = stream
        self._where = where
        self._left = MAX_TOTAL_BYTES

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _too_large(self._where)
        return data


def _check_member(member: tarfile.TarInfo, count: int, where: str) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        raise PackageError(
            "The archive holds a name that leads outside the package.",
            code="package-archive",
            where=where,
            remedy="Do not use this package: it was made to do harm or is broken.",
        )
    if count >= MAX_FILES or member.size > MAX_FILE_BYTES:
        raise _too_large(where)


def _too_large(where: str) -> PackageError:
    return PackageError(
        "The package is larger than a package may be.",
        code="package-too-large",
        where=where,
        remedy=f"At most {MAX_FILES} files, {MAX_FILE_BYTES >> 20} MiB each, {MAX_TOTAL_BYTES >> 20} MiB together.",
    )


def _is_definition(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".json" and len(path.parts) <= 2 and (len(path.parts) == 1 or path.parts[0] == "package")


def _loose_members(root: Path, *, xml: bool) -> Iterator[tuple[str, bytes]]:
    yield from _folder_members(root, recursive=True)
    if xml:
        yield from _folder_members(root, recursive=True, suffix=".xml")


def _folder_members(root: Path, *, recursive: bool, suffix: str = ".json") -> Iterator[tuple[str, bytes]]:
    found = root.rglob(f"*{suffix}") if recursive else root.glob(f"*{suffix}")
    for count, path in enumerate(path for path in sorted(found) if path.is_file()):
        if count >= MAX_FILES or path.stat().st_size > MAX_FILE_BYTES:
            raise _too_large(str(root))
        yield path.relative_to(root).as_posix(), path.read_bytes()


def _package(source: Path, members: Iterable[tuple[str, bytes]], read_xml: XmlReader | None = None) -> Package:
    manifest: Json = {}
    resources: list[Resource] = []
    issues: list[Issue] = []
    lines: list[str] = []
    for name, content in members:
        leaf = PurePosixPath(name).name
        if leaf.startswith("."):
            continue
        lines.append(f"{name} {sha256(content).hexdigest()}")
        try:
            body = (read_xml(content) or {}) if read_xml and leaf.endswith(".xml") else _parse(content)
        except ValueError as reason:
            issues.append(_bad_file(source, name, str(reason)))
            continue
        if leaf == "package.json" and "resourceType" not in body:
            if manifest and source.is_file():
                raise _two_manifests(source)
            manifest = body
        else:
            resources += _definitions_in(body, name)
    if not resources and not manifest:
        raise PackageError(
            "Nothing in it is a FHIR definition." + (f" First problem: {issues[0].param('reason')}." if issues else ""),
            code="package-empty",
            where=str(source),
            remedy="Give a FHIR package or a folder with conformance resources in JSON.",
        )
    dependencies = manifest.get("dependencies")
    return Package(
        name=_text(manifest, "name") if manifest else source.name,
        version=_text(manifest, "version"),
        dependencies={
            key: value
            for key, value in (dependencies.items() if isinstance(dependencies, dict) else ())
            if isinstance(value, str)
        },
        resources=tuple(sorted(resources, key=lambda resource: resource.file)),
        issues=tuple(issues),
        digest=sha256("\n".join(sorted(lines)).encode()).hexdigest(),
        source=str(source),
    )


def _text(manifest: Json, key: str) -> str:
    value = manifest.get(key)
    return value if isinstance(value, str) else ""


def _two_manifests(source: Path) -> PackageError:
    return PackageError(
        "It holds more than one package.json; which package it is cannot be told.",
        code="package-ambiguous",
        where=str(source),
        remedy="Give each package by itself.",
    )


def _definitions_in(body: Json, name: str) -> Iterator[Resource]:
    """The definition that a file is, or those in the Bundle that it is (as HL7 publishes whole releases)."""
    if body.get("resourceType") in CONFORMANCE_TYPES:
        yield Resource(file=name, body=body)
    elif body.get("resourceType") == "Bundle":
        entries = body.get("entry")
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            resource = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(resource, dict) and resource.get("resourceType") in CONFORMANCE_TYPES:
                yield Resource(file=f"{name}#{number}", body=resource)


def _parse(content: bytes) -> Json:
    try:
        body = loads(content.removeprefix(b"\xef\xbb\xbf"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  a bad file is a bad value, whatever its type
    return body


def _bad_file(source: Path, name: str, reason: str) -> Issue:
    return Issue(
        severity=Severity.ERROR,
        code="package-file",
        params=(("file", name), ("reason", reason)),
        source=f"{source.name}:{name}",
    )
