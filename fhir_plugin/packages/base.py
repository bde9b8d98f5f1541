"""The FHIR R4 (4.0.1) definitions that ship with the package, read lazily from ``_base/``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fhir_plugin.packages.compact import ConstraintTable, decode_code_system, decode_structure, with_prose
from fhir_plugin.packages.pack import Pack

__all__ = ["BASE_VERSION", "BaseDefinitions", "base_definitions"]

Json = dict[str, Any]

BASE_VERSION = "4.0.1"
FOLDER = Path(__file__).parent / "_base"
PACKS = {
    "StructureDefinition": "structures.pack",
    "ValueSet": "valuesets.pack",
    "CodeSystem": "codesystems.pack",
    "SearchParameter": "search.pack",
    "prose": "prose.pack",
}


class BaseDefinitions:
    """R4 as published by HL7: structures, value sets, code systems and search parameters.

    Documents are shared between callers: treat them as frozen.
    """

    version = BASE_VERSION

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._packs: dict[str, Pack] = {}
        self._read = lru_cache(maxsize=None)(self._decode)

    def get(self, kind: str, url: str) -> Json | None:
        """The StructureDefinition, ValueSet or CodeSystem of a url, or None."""
        return self._read(kind, url)

    def with_prose(self, structure: Json) -> Json:
        """A structure of ours with ``short``, ``definition`` and ``isModifierReason`` on its elements."""
        prose = self._pack("prose").get(structure["url"])
        return structure if prose is None else with_prose(structure, prose)

    def urls(self, kind: str) -> Iterator[str]:
        """The urls of every definition of a kind."""
        if kind in ("StructureDefinition", "ValueSet", "CodeSystem"):
            return (url for url in self._pack(kind) if not url.startswith("#"))
        return iter(())

    def search_parameters(self, resource_type: str) -> tuple[Json, ...]:
        """The facts (code, type, expression, target) of a resource type's own search parameters."""
        return tuple(self._pack("SearchParameter").get(resource_type) or ())

    def is_later_extension(self, url: str) -> bool:
        """Whether HL7 published an extension for R4 after R4 itself."""
        return url in self._later_extensions

    @cached_property
    def _later_extensions(self) -> frozenset[str]:
        """Urls of the extensions that HL7 published for R4 after R4 itself; their definitions do not ship."""
        names = (self._folder / "extensions.txt").read_text(encoding="utf-8").split("\n")
        return frozenset(f"http://hl7.org/fhir/StructureDefinition/{name}" for name in names if name and name[0] != "#")

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all packs, in hexadecimal."""
        return sha256("".join(self._pack(kind).digest for kind in PACKS).encode()).hexdigest()

    def _pack(self, kind: str) -> Pack:
        if kind not in self._packs:
            self._packs[kind] = Pack(self._folder / PACKS[kind])
        return self._packs[kind]

    @cached_property
    def _constraints(self) -> ConstraintTable:
        return ConstraintTable(self._pack("StructureDefinition").get("#constraints"))

    def _decode(self, kind: str, url: str) -> Json | None:
        compact = self._pack(kind).get(url) if kind in PACKS else None
        if compact is None:
            return None
        match kind:
            case "StructureDefinition":
                return decode_structure(compact, self._constraints, BASE_VERSION)
            case "CodeSystem":
                return decode_code_system(compact)
            case _:
                return {"resourceType": kind, **compact}


@cache
def base_definitions() -> BaseDefinitions:
    """The one shared instance."""
    return BaseDefinitions()
