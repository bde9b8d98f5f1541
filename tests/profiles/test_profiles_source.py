"""The source of the package is whole: one resource a file, nothing dangling, nothing unlisted."""

from __future__ import annotations

import json
import re
import string
from typing import Any

import pytest
from profiles_support import VALID, constraints, source

from fhir_plugin.model.terms import BASE
from fhir_plugin.packages import profiles_dir
from fhir_plugin.texts import LANGUAGES, sentence
from fhir_plugin.validation import Validator

FILES = sorted(profiles_dir().glob("*-*.json"))
BODIES = [json.loads(file.read_text(encoding="utf-8")) for file in FILES]
GUIDE = source("ImplementationGuide")[0]
MANIFEST = json.loads((profiles_dir() / "package.json").read_text(encoding="utf-8"))


def canonicals_in(node: Any) -> set[str]:
    if isinstance(node, dict):
        return set().union(*map(canonicals_in, node.values()))
    if isinstance(node, list):
        return set().union(*map(canonicals_in, node)) if node else set()
    pattern = rf"{BASE}/(?:StructureDefinition|CodeSystem|ValueSet|ConceptMap|CapabilityStatement)/[\w.-]+"
    return set(re.findall(pattern, node)) if isinstance(node, str) else set()


@pytest.mark.parametrize("body", BODIES, ids=[file.name for file in FILES])
def test_a_definition_is_valid_fhir(body: dict[str, Any], validator: Validator) -> None:
    report = validator.validate(body)
    assert [(issue.code, issue.expression) for issue in report if issue.severity in ("fatal", "error")] == []


def test_a_file_is_named_after_its_resource() -> None:
    assert [file.name for file in FILES] == [f"{body['resourceType']}-{body['id']}.json" for body in BODIES]


def test_a_canonical_ends_in_the_id_and_carries_the_version_of_the_package() -> None:
    for body in BODIES:
        if body["resourceType"] != "NamingSystem":
            assert body["url"] == f"{BASE}/{body['resourceType']}/{body['id']}"
            assert body["version"] == MANIFEST["version"] == GUIDE["version"]


def test_every_canonical_of_ours_that_is_named_exists() -> None:
    assert canonicals_in(BODIES) <= {body["url"] for body in BODIES if "url" in body}


def test_the_guide_lists_every_definition_and_every_valid_example_once() -> None:
    listed = [entry["reference"]["reference"] for entry in GUIDE["definition"]["resource"]]
    examples = [json.loads(file.read_text(encoding="utf-8")) for file in VALID.glob("*.json")]
    there = [f"{body['resourceType']}/{body['id']}" for body in [*BODIES, *examples] if body != GUIDE]
    assert sorted(listed) == sorted(there)
    assert len(set(listed)) == len(listed)


def test_guide_and_manifest_agree() -> None:
    assert (GUIDE["packageId"], GUIDE["license"]) == (MANIFEST["name"], MANIFEST["license"])
    assert GUIDE["fhirVersion"] == MANIFEST["fhirVersions"]
    depends = {entry["packageId"]: entry["version"] for entry in GUIDE["dependsOn"]}
    assert depends | {"hl7.fhir.r4.core": "4.0.1"} == MANIFEST["dependencies"]


def test_structure_definitions_hold_a_differential_only() -> None:
    assert all("snapshot" not in body for body in source("StructureDefinition"))


def test_a_key_of_an_invariant_is_used_once() -> None:
    keys = [constraint["key"] for _, _, constraint in constraints()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("constraint", [one for _, _, one in constraints()], ids=lambda one: one["key"])
def test_an_invariant_has_a_sentence_in_both_languages(constraint: dict[str, Any]) -> None:
    for language in LANGUAGES:
        found = sentence(constraint["key"], language)
        assert found is not None
        assert found.remedy or constraint["severity"] == "warning"
        assert not list(filter(None, (field for _, field, _, _ in string.Formatter().parse(found.text + found.remedy))))


def test_only_what_is_advice_is_a_warning() -> None:
    warnings = {constraint["key"] for _, _, constraint in constraints() if constraint["severity"] == "warning"}
    assert warnings == {"sf-8", "sf-9", "sf-10"}


def test_an_expression_never_touches_a_choice_by_its_json_name() -> None:
    for _, _, constraint in constraints():
        assert not re.search(r"\bvalue[A-Z]", constraint["expression"]), constraint["key"]
