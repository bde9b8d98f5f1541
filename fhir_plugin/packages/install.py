"""Putting a package into the FHIR cache, so that this and other FHIR tools find it."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from fhir_plugin.errors import PackageError
from fhir_plugin.packages.cache import PackageId, cache_folder
from fhir_plugin.packages.source import Package, archive_members, read_package

__all__ = ["install_archive", "install_path"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def install_path(source: Path, folder: Path | None = None) -> Package:
    """Install a ``.tgz`` or an unpacked package.

    Args:
        source: the archive or folder; it must have a ``package.json`` with name and version.
        folder: the cache.

    Raises:
        PackageError: it cannot be read, or says no name and version.
    """
    if source.is_file():
        return install_archive(source.read_bytes(), str(source), folder)
    package = read_package(source)
    root = source / "package" if (source / "package" / "package.json").is_file() else source
    files = ((f"package/{path.relative_to(root).as_posix()}", path.read_bytes()) for path in _files(root))
    return _install(files, package, folder)


def install_archive(
    content: bytes, where: str, folder: Path | None = None, *, expected: PackageId | None = None
) -> Package:
    """Install a package from the bytes of its archive.

    Args:
        content: the gzipped tar.
        where: its file name or address, for messages.
        folder: the cache.
        expected: name and version it must have; what a registry gives is not always what was asked for.

    Raises:
        PackageError: it cannot be read, says no name and version, or others than expected.
    """
    with tempfile.TemporaryDirectory(prefix="fhir-package-") as scratch:
        archive = Path(scratch) / "package.tgz"
        archive.write_bytes(content)
        try:
            package = read_package(archive)
        except PackageError as error:
            error.where = where  # not the scratch file, which nobody knows
            raise
    if expected is not None and (package.name, package.version) != expected:
        raise PackageError(
            f"The package says that it is {package.name}#{package.version}, not {'#'.join(expected)}.",
            code="package-mismatch",
            where=where,
            remedy="Do not use this registry for this package.",
        )
    return _install(archive_members(io.BytesIO(content), where), package, folder)


def _install(files: Iterable[tuple[str, bytes]], package: Package, folder: Path | None) -> Package:
    """Write all files beside the final place, then move them there at once: the cache never holds half a package."""
    if not _NAME.fullmatch(package.name) or not _VERSION.fullmatch(package.version):
        raise PackageError(
            "The package says no usable name and version.",
            code="package-unnamed",
            where=package.source,
            remedy="Its package.json needs both; give loose resources to --package instead of adding them.",
        )
    cache = folder or cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
        try:
            for name, content in files:
                target = scratch / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            _move(scratch, cache / f"{package.name}#{package.version}")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise PackageError(
            f"The FHIR cache cannot be written: {error.strerror or type(error).__name__}.",
            code="package-cache",
            where=str(cache),
            remedy="Set FHIR_PACKAGE_CACHE to a folder that can be written.",
        ) from error
    return package


def _move(scratch: Path, final: Path) -> None:
    old = scratch.with_name(f"{scratch.name}.old")
    scratch.chmod(0o755)
    if final.exists():
        final.replace(old)
    scratch.replace(final)
    shutil.rmtree(old, ignore_errors=True)


def _files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())
