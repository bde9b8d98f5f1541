"""The vocabulary in Python and the vocabulary in profiles/ are one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import pytest
from profiles_support import VALUE_SETS, source

from fhir_plugin.model import terms
from fhir_plugin.model.terms import CodeSystems, Extensions, Profiles

ENUMS: dict[str, type[StrEnum]] = {
    CodeSystems.KIND: terms.BondKind,
    CodeSystems.FUNCTION: terms.Function,
    CodeSystems.INVOLVEMENT: terms.Involvement,
    CodeSystems.CONTEXT: terms.Context,
    CodeSystems.DESIGNATOR: terms.Designator,
    CodeSystems.SUPPORTS: terms.Supports,
    CodeSystems.MANDATE: terms.Mandate,
    CodeSystems.PARENT_ACCORD: terms.ParentAccord,
    CodeSystems.LIFE_DOMAIN: terms.LifeDomain,
    CodeSystems.NETWORK_RING: terms.NetworkRing,
    CodeSystems.TIE_QUALITY: terms.TieQuality,
    CodeSystems.TASK_STEP: terms.TaskStep,
    CodeSystems.INFORMATION_CATEGORY: terms.InformationCategory,
    CodeSystems.AGE_BASIS: terms.AgeBasis,
    CodeSystems.NOTE_KIND: terms.NoteKind,
    CodeSystems.RECORD_TAG: terms.RecordTag,
    CodeSystems.YES_NO_UNKNOWN: terms.Adult,
}
CODES = {url: [member.value for member in enum] for url, enum in ENUMS.items()} | {
    CodeSystems.SAFETY_BLOCK: ["no-sharing"],
    CodeSystems.TIE: ["tie", "ring", "quality"],
}
CODE_SYSTEMS = {body["url"]: body for body in source("CodeSystem")}


def constants(holder: type) -> set[str]:
    return {value for name, value in vars(holder).items() if name.isupper() and value.startswith(terms.BASE)}


def test_every_code_system_of_the_vocabulary_is_in_the_package_and_the_other_way_round() -> None:
    assert set(CODE_SYSTEMS) == constants(CodeSystems) == set(CODES)


@pytest.mark.parametrize("url", CODES, ids=lambda url: url.rsplit("/", 1)[-1])
def test_the_codes_of_a_code_system_are_those_of_its_enum_in_the_same_order(url: str) -> None:
    assert [concept["code"] for concept in CODE_SYSTEMS[url]["concept"]] == CODES[url]


@pytest.mark.parametrize("url", CODES, ids=lambda url: url.rsplit("/", 1)[-1])
def test_every_concept_has_a_dutch_and_an_english_display_and_definition(url: str) -> None:
    system = CODE_SYSTEMS[url]
    assert (system["content"], system["caseSensitive"], system["language"]) == ("complete", True, "nl")
    assert system["count"] == len(system["concept"])
    for concept in system["concept"]:
        named = {entry["language"]: entry["value"] for entry in concept["designation"]}
        assert set(named) == {"nl", "en"}
        assert named["nl"] == concept["display"]
        assert concept["definition"]
        assert translations(concept["_definition"]) == {"en"}


def translations(element: dict[str, Any]) -> set[str]:
    return {entry["extension"][0]["valueCode"] for entry in element["extension"]}


def test_every_code_system_has_a_value_set_of_all_its_codes() -> None:
    value_sets = {body["url"]: body for body in source("ValueSet")}
    for url, system in CODE_SYSTEMS.items():
        assert value_sets[system["valueSet"]]["compose"] == {"include": [{"system": url}]}


def test_every_extension_and_profile_of_the_vocabulary_is_in_the_package_and_the_other_way_round() -> None:
    structures = {body["url"]: body["type"] for body in source("StructureDefinition")}
    extensions = {url for url, kind in structures.items() if kind == "Extension"}
    assert extensions == constants(Extensions)
    assert set(structures) - extensions == constants(Profiles)


def test_every_identifier_system_of_the_vocabulary_has_a_naming_system() -> None:
    named = {unique["value"] for body in source("NamingSystem") for unique in body["uniqueId"]}
    ours = {
        value for name, value in vars(terms).items() if name.endswith("_IDENTIFIER") and value.startswith(terms.BASE)
    }
    assert named == ours


def expression_codes(key: str) -> set[str]:
    """Codes named in an invariant, ``system`` and code apart, as they stand between quotes."""
    for structure in source("StructureDefinition"):
        for element in structure["differential"]["element"]:
            for constraint in element.get("constraint", ()):
                if constraint["key"] == key:
                    return set(re.findall(r"'([^']*)'", constraint["expression"]))
    raise AssertionError(key)


@pytest.mark.parametrize(
    ("key", "keys"),
    [
        ("sf-1", {(system, "") for system in terms.BSN_SYSTEMS}),
        ("sf-2", terms.BIOLOGICAL_PARENT_CODES),
        ("sf-4", terms.PROFESSIONAL_ROLE_CODES),
        ("sf-5", terms.LEGAL_ROLE_CODES),
    ],
)
def test_an_invariant_names_the_codes_python_names(key: str, keys: Iterable[tuple[str, str]]) -> None:
    assert {part for pair in keys for part in pair if part} <= expression_codes(key)


def nictiz_codes() -> dict[str, set[tuple[str, str]]]:
    """Canonical → codes, from the value sets as Nictiz published them."""
    if not VALUE_SETS.is_file():
        pytest.skip("the Nictiz value sets are not beside the checkout")
    found: dict[str, set[tuple[str, str]]] = {}
    canonical = system = ""
    for line in VALUE_SETS.read_text(encoding="utf-8").splitlines():
        if line.startswith("## ValueSet "):
            canonical = line.split()[2]
        elif line.startswith("  SYS "):
            system = line.split()[1]
        else:
            found.setdefault(canonical, set()).add((system, line.split("|")[0].strip()))
    return found


def own_codes() -> dict[str, set[tuple[str, str]]]:
    found = {}
    for body in source("ValueSet"):
        listed: set[tuple[str, str]] = set()
        for include in body["compose"]["include"]:
            system = include["system"]
            concepts = include.get("concept") or CODE_SYSTEMS[system]["concept"]
            listed |= {(system, concept["code"]) for concept in concepts}
        found[body["url"]] = listed
    return found


@pytest.mark.parametrize("body", source("ConceptMap"), ids=lambda body: body["id"])
def test_a_concept_map_holds_only_codes_of_both_its_value_sets(body: dict[str, Any]) -> None:
    known = nictiz_codes() | own_codes()
    for group in body["group"]:
        for element in group["element"]:
            assert (group["source"], element["code"]) in known[body["sourceUri"]]
            for target in element["target"]:
                if target["equivalence"] != "unmatched":
                    assert (group["target"], target["code"]) in known[body["targetUri"]]


@pytest.mark.parametrize("name", ["kind", "role-2020", "relation-2020", "role-2024", "relation-2024", "koppeltaal"])
def test_some_concept_map_says_something_of_every_code_of_a_list(name: str) -> None:
    known = nictiz_codes() | own_codes()
    maps = [body for body in source("ConceptMap") if body["id"].startswith(f"{name}-to-")]
    said = {
        (group["source"], element["code"]) for body in maps for group in body["group"] for element in group["element"]
    }
    assert said == known[maps[0]["sourceUri"]]


def test_the_loss_from_friend_to_acquaintance_is_stated() -> None:
    body = next(one for one in source("ConceptMap") if one["id"] == "role-2020-to-relation-2024")
    friend = next(element for element in body["group"][0]["element"] if element["code"] == "20")
    assert friend["target"][0]["code"] == "48385004"
    assert friend["target"][0]["equivalence"] == "narrower"
    assert friend["target"][0]["comment"].startswith("Lossy")
