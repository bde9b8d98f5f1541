"""Every snapshot of nl-core and of ours holds what any snapshot must."""

from __future__ import annotations

import pytest
from package_makers import Json
from snapshot_reading import keys

from fhir_plugin.packages import Definitions


@pytest.fixture(scope="module", params=["nl-core", "ours"])
def package(request: pytest.FixtureRequest) -> Definitions:
    if request.param == "ours":
        from fhir_plugin.packages import load_definitions

        return load_definitions()
    found: Definitions = request.getfixturevalue("nl_core")
    return found


def test_all_snapshots_hold_what_every_snapshot_must(package: Definitions) -> None:
    """Differential elements are there; ids are unique and follow paths and slices; parents come first."""
    for body in package.resources("StructureDefinition", base=False):
        structure = package.structure(body["url"])
        assert structure is not None
        found = structure["snapshot"]["element"]
        ids = [element["id"] for element in found]
        assert len(set(ids)) == len(ids), body["url"]
        assert {element["id"] for element in body["differential"]["element"]} <= set(ids), body["url"]
        seen: set[str] = set()
        for element in found:
            check_element(element, seen)
            seen.add(element["id"])
    assert not package.issues


def check_element(element: Json, seen: set[str]) -> None:
    identity = element["id"]
    parent, _, last = identity.rpartition(".")
    name, _, slice_name = last.partition(":")
    assert not parent or parent in seen
    assert element.get("sliceName", "") == slice_name
    assert element["path"].rpartition(".")[2] == name
    assert not slice_name or identity.removesuffix(f":{slice_name}") in seen
    assert {"min", "max", "base"} <= element.keys(), identity
    assert ("type" in element) != ("contentReference" in element) or "." not in identity, identity
    assert element["max"] == "*" or int(element["max"]) >= element["min"] or element["max"] == "0", identity
    assert len({entry["key"] for entry in element.get("constraint", ())}) == len(element.get("constraint", ())), (
        identity
    )


def test_all_snapshots_only_narrow_their_base(package: Definitions) -> None:
    for body in package.resources("StructureDefinition", base=False):
        structure, base = package.structure(body["url"]), package.structure(body["baseDefinition"])
        assert structure is not None
        assert base is not None
        above = {element["id"]: element for element in base["snapshot"]["element"]}
        for element in structure["snapshot"]["element"]:
            other = above.get(element["id"])
            if other is None:
                continue
            assert element["min"] >= other["min"], (body["url"], element["id"])
            assert other["max"] == "*" or int(element["max"]) <= int(other["max"]), (body["url"], element["id"])
            assert set(keys(other)) <= set(keys(element)), (body["url"], element["id"])


def test_all_snapshots_say_the_same_when_their_own_snapshot_is_the_differential(package: Definitions) -> None:
    """Idempotence: a profile said in full is the profile."""
    for body in list(package.resources("StructureDefinition", base=False))[::7]:
        structure = package.structure(body["url"])
        assert structure is not None
        again, issues = package.generator.generate(
            {**structure, "differential": {"element": structure["snapshot"]["element"]}}
        )
        assert not issues
        pairs = zip(again["snapshot"]["element"], structure["snapshot"]["element"], strict=True)
        for second, first in pairs:
            for key in ("id", "path", "min", "max", "sliceName", "slicing", "type", "base"):
                assert second.get(key) == first.get(key), (body["url"], first["id"], key)
            assert set(keys(second)) == set(keys(first)), (body["url"], first["id"])
