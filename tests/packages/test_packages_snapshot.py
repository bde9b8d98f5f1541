"""Snapshots: what an element becomes when a differential speaks about it (https://hl7.org/fhir/R4/profiling.html)."""

from __future__ import annotations

import json

import pytest
from package_makers import CORE, EXAMPLE, Json, profile
from snapshot_reading import Define, elements, keys, order

from fhir_plugin.packages import Definitions


def test_a_profile_that_says_nothing_is_its_base(define: Define, r4: Definitions) -> None:
    base = r4.structure_for_type("RelatedPerson")
    assert base is not None
    ours = list(elements(define(profile("a", "RelatedPerson", {"id": "RelatedPerson"}))).values())
    theirs = base["snapshot"]["element"]
    assert [element["id"] for element in ours] == [element["id"] for element in theirs]
    for mine, element in zip(ours, theirs, strict=True):
        without = {key: value for key, value in mine.items() if key != "constraint"}
        assert without == {key: value for key, value in element.items() if key != "constraint"}
        assert keys(mine) == keys(element)


def test_cardinality_only_gets_tighter(define: Define) -> None:
    found = elements(
        define(
            profile("p", "Patient", {"id": "Patient.name", "min": 1, "max": "3"}, {"id": "Patient.photo", "max": "0"}),
            profile(
                "a", f"{EXAMPLE}p", {"id": "Patient.name", "min": 0, "max": "*"}, {"id": "Patient.photo", "max": "5"}
            ),
        )
    )
    assert (found["Patient.name"]["min"], found["Patient.name"]["max"]) == (1, "3")
    assert found["Patient.photo"]["max"] == "0"
    assert found["Patient.name"]["base"] == {"path": "Patient.name", "min": 0, "max": "*"}


def test_constraints_add_up_along_the_profiles_and_say_where_they_come_from(define: Define) -> None:
    def rule(key: str) -> Json:
        return {"key": key, "severity": "error", "human": key, "expression": "true"}

    found = elements(
        define(
            profile("p", "Patient", {"id": "Patient", "constraint": [rule("p-1")]}),
            profile("a", f"{EXAMPLE}p", {"id": "Patient", "constraint": [rule("a-1"), rule("p-1")]}),
        )
    )
    assert keys(found["Patient"])[-2:] == ["p-1", "a-1"]
    sources = {entry["key"]: entry.get("source") for entry in found["Patient"]["constraint"]}
    assert sources["p-1"] == f"{EXAMPLE}p"
    assert sources["dom-2"] == f"{CORE}DomainResource"
    assert sources["a-1"] is None


def test_walking_into_a_type_brings_its_children_once_and_in_order(define: Define) -> None:
    definitions = define(profile("a", "Patient", {"id": "Patient.name.family", "min": 1}))
    assert order(definitions, "Patient.name") == [
        f"Patient.name{part}"
        for part in ("", ".id", ".extension", ".use", ".text", ".family", ".given", ".prefix", ".suffix", ".period")
    ]
    assert elements(definitions)["Patient.name.family"]["min"] == 1
    assert elements(definitions)["Patient.name.family"]["base"]["path"] == "HumanName.family"


def test_a_walk_goes_through_the_profile_of_the_type(define: Define) -> None:
    definitions = define(
        profile("named", "HumanName", {"id": "HumanName.family", "min": 1}, kind="complex-type"),
        profile(
            "a",
            "Patient",
            {"id": "Patient.name", "type": [{"code": "HumanName", "profile": [f"{EXAMPLE}named"]}]},
            {"id": "Patient.name.given", "min": 1},
        ),
    )
    found = elements(definitions)
    assert (found["Patient.name.family"]["min"], found["Patient.name.given"]["min"]) == (1, 1)


def test_a_type_that_cannot_be_bound_loses_the_binding(define: Define) -> None:
    found = elements(
        define(
            profile(
                "a", "MedicationStatement", {"id": "MedicationStatement.medication[x]", "type": [{"code": "Reference"}]}
            )
        )
    )
    assert "binding" not in found["MedicationStatement.medication[x]"]


def test_a_content_reference_is_walked_and_sliced_like_what_it_refers_to(define: Define) -> None:
    definitions = define(
        profile(
            "a",
            "Consent",
            {
                "id": "Consent.provision.provision",
                "slicing": {"discriminator": [{"type": "value", "path": "type"}], "rules": "open"},
            },
            {"id": "Consent.provision.provision:permit", "max": "1"},
            {"id": "Consent.provision.provision:permit.type", "min": 1},
            {"id": "Consent.provision.provision:permit.provision.actor.role", "min": 1},
        )
    )
    found = elements(definitions)
    assert found["Consent.provision.provision:permit.type"]["min"] == 1
    assert found["Consent.provision.provision:permit.provision.actor.role"]["min"] == 1
    assert found["Consent.provision.provision"]["type"] == [{"code": "BackboneElement"}]
    assert "contentReference" in found["Consent.provision.provision:permit.provision.provision"]


@pytest.mark.parametrize(("strength", "kept"), [("extensible", ["maxValueSet"]), ("required", [])])
def test_a_binding_says_everything_anew_but_keeps_the_widest_set_where_that_limits_it(
    define: Define, strength: str, kept: list[str]
) -> None:
    found = elements(
        define(
            profile(
                "a",
                "Patient",
                {"id": "Patient.communication.language", "binding": {"strength": strength, "valueSet": "http://x"}},
                {"id": "Patient.gender", "binding": {"description": "as recorded"}},
            )
        )
    )
    binding = found["Patient.communication.language"]["binding"]
    assert (binding["strength"], binding["valueSet"]) == (strength, "http://x")
    assert [entry["url"].rpartition("-")[2] for entry in binding.get("extension", [])] == kept
    assert found["Patient.gender"]["binding"]["valueSet"].startswith(
        "http://hl7.org/fhir/ValueSet/administrative-gender"
    )


def test_texts_continue_and_values_replace(define: Define) -> None:
    found = elements(
        define(
            profile(
                "p", "Patient", {"id": "Patient.active", "definition": "First.", "fixedBoolean": True, "alias": ["a"]}
            ),
            profile(
                "q",
                f"{EXAMPLE}p",
                {"id": "Patient.active", "definition": "...Second.", "patternBoolean": True, "alias": ["b", "a"]},
            ),
            profile("a", f"{EXAMPLE}q", {"id": "Patient.active", "patternBoolean": False}),
        )
    )
    active = found["Patient.active"]
    assert active["definition"] == "First.\r\nSecond."
    assert active["alias"] == ["a", "b"]
    assert (active["fixedBoolean"], active["patternBoolean"]) == (True, False)


def test_a_logical_model_adds_its_elements_to_its_base(define: Define) -> None:
    body = profile(
        "a",
        "Element",
        {"id": "Sib.kind", "min": 1, "max": "1", "type": [{"code": "code"}]},
        {"id": "Sib.kind.extension", "max": "0"},
    )
    body |= {"derivation": "specialization", "type": "Sib", "kind": "logical"}
    found = elements(define(body))
    assert list(found)[:4] == ["Sib", "Sib.id", "Sib.extension", "Sib.kind"]
    assert found["Sib.kind"]["base"] == {"path": "Sib.kind", "min": 1, "max": "1"}
    assert found["Sib.kind.extension"]["max"] == "0"


def test_making_a_snapshot_changes_neither_the_profile_nor_its_base(define: Define, r4: Definitions) -> None:
    before = json.dumps(r4.structure_for_type("Patient"))
    body = profile("a", "Patient", {"id": "Patient.name.family", "min": 1}, {"id": "Patient.extension:x"})
    text = json.dumps(body)
    definitions = define(body)
    assert elements(definitions)
    assert json.dumps(next(iter(definitions.resources("StructureDefinition", base=False)))) == text
    assert json.dumps(r4.structure_for_type("Patient")) == before
