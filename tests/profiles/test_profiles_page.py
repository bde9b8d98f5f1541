"""docs/profiles.md quotes the package: no row may say something else than profiles/ does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from profiles_support import ROOT, constraints, source

from fhir_plugin.model.terms import BASE
from fhir_plugin.packages import load_definitions

PAGE = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
STRUCTURES = {body["id"]: body for body in source("StructureDefinition")}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def element_rows() -> list[tuple[str, str, str, str]]:
    """Profile, element id, codes and cardinality of every row of the tables."""
    found, profile = [], ""
    for line in PAGE.splitlines():
        if heading := re.match(r"### .*`(\w+)` on", line):
            profile = heading[1]
        elif profile and (row := re.match(r"\| [^|]+ \| `([^`]+)` \| ([^|]*)\| ([^|]+) \|", line)):
            found.append((profile, row[1], row[2].strip(), row[3]))
        elif line.startswith("## "):
            profile = ""
    return found


def snapshot_element(profile: str, element_id: str) -> dict[str, Any]:
    structure = load_definitions().structure(f"{BASE}/StructureDefinition/{profile}")
    assert structure is not None
    found = [element for element in structure["snapshot"]["element"] if element["id"] == element_id]
    assert found, element_id
    return dict(found[0])


def test_the_page_has_a_table_for_every_profile() -> None:
    profiles = {name for name, body in STRUCTURES.items() if body["type"] != "Extension"}
    assert {profile for profile, *_ in element_rows()} == profiles


def test_the_page_has_a_row_for_every_extension_in_a_profile() -> None:
    listed = {(profile, element) for profile, element, *_ in element_rows()}
    for name, body in STRUCTURES.items():
        for element in body["differential"]["element"]:
            if body["type"] != "Extension" and ".extension:" in element["id"]:
                assert (name, element["id"]) in listed


@pytest.mark.parametrize(("profile", "element_id", "codes", "card"), element_rows())
def test_a_row_says_the_cardinality_and_the_codes_of_the_profile(
    profile: str, element_id: str, codes: str, card: str
) -> None:
    element = snapshot_element(profile, element_id)
    bounds, _, key = card.partition(" by ")
    if key:
        assert key in {constraint["key"] for _, _, constraint in constraints()}
        assert element["min"] == 0
    else:
        assert bounds == f"{element['min']}..{element['max']}"
    bound = {
        binding.rsplit("/", 1)[-1] for binding in bindings_of(element) | bindings_of(value_of(profile, element_id))
    }
    assert set(re.findall(r"`([\w-]+)`", codes)) == {name for name in bound if f"{BASE}/ValueSet/{name}" in OWN}


def value_of(profile: str, element_id: str) -> dict[str, Any]:
    """The ``value[x]`` a profile constrains within an element (an Observation component), or nothing."""
    elements = STRUCTURES[profile]["differential"]["element"]
    return next((element for element in elements if element["id"] == f"{element_id}.value[x]"), {})


OWN = {body["url"] for body in source("ValueSet")}


def bindings_of(element: dict[str, Any]) -> set[str]:
    """Value sets an element is bound to, or that are bound within the extension it is."""
    found = {element["binding"]["valueSet"]} if "binding" in element else set()
    for kind in element.get("type", ()):
        for profile in kind.get("profile", ()):
            inner = STRUCTURES[profile.rsplit("/", 1)[-1]]["differential"]["element"]
            found |= {one["binding"]["valueSet"] for one in inner if "binding" in one}
    return found


def test_the_table_of_rules_is_that_of_the_profiles() -> None:
    table = PAGE.split("## The rules")[1].split("\n## ")[0]
    rows = [cells(line) for line in table.splitlines() if re.match(r"\| [a-z]{2}-\d", line)]
    assert sorted(rows) == sorted(
        [one["key"], one["severity"], f"`{path}`", one["human"]] for _, path, one in constraints()
    )


def test_the_counts_on_the_page_are_right() -> None:
    numbers = {"six": 6, "seventeen": 17, "nineteen": 19}
    extensions = [name for name, body in STRUCTURES.items() if body["type"] == "Extension"]
    assert numbers["seventeen"] == len(extensions)
    assert numbers["six"] == len(STRUCTURES) - len(extensions)
    assert numbers["nineteen"] == len(source("CodeSystem"))
