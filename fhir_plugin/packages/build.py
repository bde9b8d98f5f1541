"""Our own FHIR package: ``package.tgz`` with snapshots and examples, the same bytes for the same sources.

The form is FHIR's npm flavour (https://confluence.hl7.org/display/FHIR/NPM+Package+Specification): ``package.json``, an
``.index.json`` per folder, definitions in ``package/``, example instances in ``package/example/``.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fhir_plugin.errors import PackageError, UsageError
from fhir_plugin.model import terms
from fhir_plugin.packages.definitions import Definitions, load_definitions, profiles_dir
from fhir_plugin.packages.jsonio import loads

__all__ = ["build_package", "examples_dir", "package_files"]

Json = dict[str, Any]

INDEX_VERSION = 2
_INDEXED = ("id", "url", "version", "kind", "type", "supplements", "content", "baseDefinition", "derivation")
_LAST = ("snapshot", "differential")


def build_package(canonical: str | None = None) -> bytes:
    """The package as a gzipped tar.

    Args:
        canonical: base that takes the place of ours in every url, so that others can publish it under their own.

    Raises:
        PackageError: our profiles are not there, or one of them has no snapshot.
        UsageError: ``canonical`` is no absolute http(s) url.
    """
    base = _checked(canonical) if canonical else terms.BASE
    stream = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, body in sorted(package_files(load_definitions(prose=True))):
            content = _text(body).replace(terms.BASE, base).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def package_files(definitions: Definitions) -> Iterator[tuple[str, Json]]:
    """The files of our package by their names in the archive.

    Raises:
        PackageError: our profiles are not there, or one of them has no snapshot.
    """
    folder = profiles_dir()
    own = next((package for package in definitions.packages if folder and package.source == str(folder)), None)
    if folder is None or own is None:
        raise PackageError(
            "Our own profiles are not there.", code="package-missing", remedy="Install the package again."
        )
    yield "package/package.json", loads((folder / "package.json").read_bytes())
    published = [_published(definitions, resource.body) for resource in own.resources]
    yield from _folder("package", published)
    yield from _folder("package/example", _examples())


def examples_dir() -> Path | None:
    """The folder of valid example instances, where there is one (a checkout; the wheel has none)."""
    folder = Path(__file__).resolve().parents[2] / "examples" / "valid"
    return folder if folder.is_dir() else None


def _examples() -> list[Json]:
    folder = examples_dir()
    found = [loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))] if folder else []
    return [body for body in found if body.get("resourceType") and body.get("id")]


def _published(definitions: Definitions, body: Json) -> Json:
    if body["resourceType"] != "StructureDefinition":
        return body
    structure = definitions.structure(f"{body['url']}|{body.get('version', '')}")
    if structure is None:
        raise PackageError(
            "A profile of ours cannot be found by its own url.", where=str(body["url"]), remedy="Install it again."
        )
    order = _element_order(definitions)
    kept = {key: value for key, value in structure.items() if key not in _LAST}
    elements = [_ordered(element, order) for element in structure["snapshot"]["element"]]
    return {**kept, "snapshot": {"element": elements}, "differential": structure["differential"]}


def _element_order(definitions: Definitions) -> list[str]:
    """The fields of an ElementDefinition in the order of the standard."""
    structure = definitions.structure_for_type("ElementDefinition") or {}
    paths = [element["path"] for element in structure["snapshot"]["element"]]
    return [path.split(".")[1].removesuffix("[x]") for path in paths if path.count(".") == 1]


def _ordered(element: Json, order: list[str]) -> Json:
    def place(key: str) -> tuple[int, str]:
        plain = key.removeprefix("_")
        found = [at for at, name in enumerate(order) if plain == name or _is_choice(plain, name)]
        return (found[0] if found else len(order), key)

    return {key: element[key] for key in sorted(element, key=place)}


def _is_choice(key: str, name: str) -> bool:
    return key.startswith(name) and key[len(name) : len(name) + 1].isupper()


def _folder(folder: str, bodies: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    index = []
    for body in sorted(bodies, key=lambda entry: (entry["resourceType"], entry["id"])):
        name = f"{body['resourceType']}-{body['id']}.json"
        facts = {key: body[key] for key in _INDEXED if isinstance(body.get(key), str)}
        index.append({"filename": name, "resourceType": body["resourceType"], **facts})
        yield f"{folder}/{name}", body
    if index:
        yield f"{folder}/.index.json", {"index-version": INDEX_VERSION, "files": index}


def _text(body: Json) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"


def _checked(canonical: str) -> str:
    parts = urlsplit(canonical)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment or " " in canonical:
        raise UsageError(
            "This is no canonical base.",
            code="canonical-base",
            remedy="Give an absolute http(s) url without query or fragment, such as https://example.org/fhir.",
        )
    return canonical.rstrip("/")
