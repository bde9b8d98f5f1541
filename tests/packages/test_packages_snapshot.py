"""Snapshot generation: what R4 and its profiles become (https://hl7.org/fhir/R4/profiling.html)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from package_makers import CORE, EXAMPLE, profile

from fhir_plugin.packages import Definitions

Define = Callable[..., Definitions]
Json = dict[str, Any]


def elements(definitions: Definitions, name: str = "a") -> dict[str, Json]:
    structure = definitions.structure(name if "/" in name else EXAMPLE + name)
    assert structure is not None
    assert not definitions.issues, definitions.issues
    found = structure["snapshot"]["element"]
    by_id = {element["id"]: element for element in found}
    assert len(by_id) == len(found)
    return by_id


def order(definitions: Definitions, below: str, name: str = "a") -> list[str]:
    return [identity for identity in elements(definitions, name) if identity.startswith(below)]


def keys(element: Json) -> list[str]:
    return [constraint["key"] for constraint in element.get("constraint", ())]


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


def test_slices_follow_their_element_in_order_and_carry_what_it_says(define: Define) -> None:
    definitions = define(
        profile(
            "a",
            "Patient",
            {
                "id": "Patient.identifier",
                "slicing": {"discriminator": [{"type": "value", "path": "system"}], "rules": "open"},
                "min": 1,
                "max": "4",
            },
            {"id": "Patient.identifier.value", "min": 1},
            {"id": "Patient.identifier:bsn", "max": "1"},
            {"id": "Patient.identifier:bsn.system", "min": 1, "fixedUri": "http://fhir.nl/fhir/NamingSystem/bsn"},
            {"id": "Patient.identifier:own"},
        )
    )
    found = elements(definitions)
    tops = [identity for identity in found if identity.startswith("Patient.identifier") and identity.count(".") == 1]
    assert tops == ["Patient.identifier", "Patient.identifier:bsn", "Patient.identifier:own"]
    assert found["Patient.identifier"]["slicing"]["rules"] == "open"
    bsn = found["Patient.identifier:bsn"]
    assert (bsn["sliceName"], bsn["min"], bsn["max"], bsn["path"]) == ("bsn", 0, "1", "Patient.identifier")
    assert "slicing" not in bsn
    assert found["Patient.identifier:own"]["max"] == "4"
    assert found["Patient.identifier:bsn.value"]["min"] == 1
    assert found["Patient.identifier:own.value"]["min"] == 1
    assert "fixedUri" not in found["Patient.identifier:own.system"]


def test_a_slice_can_be_sliced_again_beside_its_parent(define: Define) -> None:
    slicing = {"discriminator": [{"type": "value", "path": "use"}], "rules": "open"}
    definitions = define(
        profile(
            "a",
            "Patient",
            {
                "id": "Patient.telecom",
                "slicing": {"discriminator": [{"type": "value", "path": "system"}], "rules": "open"},
            },
            {"id": "Patient.telecom:phone", "max": "3", "slicing": slicing},
            {"id": "Patient.telecom:phone.system", "min": 1, "fixedCode": "phone"},
            {"id": "Patient.telecom:mail"},
            {"id": "Patient.telecom:phone/home", "max": "1"},
            {"id": "Patient.telecom:phone/home.use", "fixedCode": "home"},
        )
    )
    found = elements(definitions)
    tops = [identity for identity in found if identity.startswith("Patient.telecom") and identity.count(".") == 1]
    assert tops == ["Patient.telecom", "Patient.telecom:phone", "Patient.telecom:phone/home", "Patient.telecom:mail"]
    assert found["Patient.telecom:phone"]["slicing"] == slicing
    assert "slicing" not in found["Patient.telecom:phone/home"]
    assert found["Patient.telecom:phone/home.system"]["fixedCode"] == "phone"
    assert found["Patient.telecom:phone/home.use"]["fixedCode"] == "home"


def test_a_derived_profile_constrains_the_slices_of_its_base_and_adds_its_own(define: Define) -> None:
    definitions = define(
        profile(
            "p",
            "Patient",
            {"id": "Patient.name", "slicing": {"discriminator": [{"type": "value", "path": "use"}], "rules": "open"}},
            {"id": "Patient.name:official", "max": "1"},
        ),
        profile(
            "a",
            f"{EXAMPLE}p",
            {"id": "Patient.name:official", "min": 1, "sliceIsConstraining": True},
            {"id": "Patient.name:nick"},
        ),
    )
    found = elements(definitions)
    assert (found["Patient.name:official"]["min"], found["Patient.name:official"]["max"]) == (1, "1")
    assert [identity for identity in found if identity.startswith("Patient.name:")] == [
        "Patient.name:official",
        "Patient.name:nick",
    ]


def test_extension_slices_need_no_slicing_and_take_the_words_and_limit_of_their_definition(define: Define) -> None:
    definitions = define(
        profile(
            "ext",
            "Extension",
            {"id": "Extension", "max": "1", "short": "Nickname"},
            kind="complex-type",
            type="Extension",
        ),
        profile(
            "a",
            "Patient",
            {"id": "Patient.extension:nick", "min": 1, "type": [{"code": "Extension", "profile": [f"{EXAMPLE}ext"]}]},
        ),
    )
    found = elements(definitions)
    assert found["Patient.extension"]["slicing"]["discriminator"] == [{"type": "value", "path": "url"}]
    assert found["Patient.extension"]["min"] == 1
    assert (found["Patient.extension:nick"]["min"], found["Patient.extension:nick"]["max"]) == (1, "1")
    assert found["Patient.extension:nick"]["short"] == "Nickname"


def test_a_complex_extension_holds_its_parts_apart(define: Define) -> None:
    definitions = define(
        profile(
            "a",
            "Extension",
            {"id": "Extension.extension:kind", "min": 1, "max": "1"},
            {"id": "Extension.extension:kind.url", "fixedUri": "kind"},
            {"id": "Extension.extension:kind.value[x]", "min": 1, "type": [{"code": "code"}]},
            {"id": "Extension.extension:note"},
            {"id": "Extension.extension:note.url", "fixedUri": "note"},
            {"id": "Extension.url", "fixedUri": f"{EXAMPLE}a"},
            {"id": "Extension.value[x]", "max": "0"},
            kind="complex-type",
        )
    )
    found = elements(definitions)
    assert found["Extension.extension:kind.url"]["fixedUri"] == "kind"
    assert found["Extension.extension:note.url"]["fixedUri"] == "note"
    assert found["Extension.url"]["fixedUri"] == f"{EXAMPLE}a"
    assert len(found["Extension.extension:note.value[x]"]["type"]) == 50
    assert found["Extension.extension:kind.value[x]"]["type"] == [{"code": "code"}]
    assert found["Extension"]["min"] == 0


@pytest.mark.parametrize(
    "spelled",
    [
        {"id": "Observation.value[x]:valueQuantity", "path": "Observation.value[x]", "sliceName": "valueQuantity"},
        {"id": "Observation.valueQuantity", "path": "Observation.valueQuantity"},
        {"id": "", "path": "Observation.valueQuantity"},
        {"id": "Observation.value[x]:valueQuantity", "path": "Observation.valueQuantity"},
    ],
)
def test_every_spelling_of_a_type_slice_means_the_same(define: Define, spelled: Json) -> None:
    found = elements(define(profile("a", "Observation", {**spelled, "binding": {"strength": "example"}})))
    assert found["Observation.value[x]:valueQuantity"]["type"] == [{"code": "Quantity"}]
    assert found["Observation.value[x]:valueQuantity"]["path"] == "Observation.value[x]"
    assert found["Observation.value[x]"]["slicing"]["discriminator"] == [{"type": "type", "path": "$this"}]
    assert len(found["Observation.value[x]"]["type"]) == 11


def test_a_type_slice_that_must_be_there_leaves_no_other_type(define: Define) -> None:
    found = elements(define(profile("a", "Observation", {"id": "Observation.valueQuantity", "min": 1})))
    assert found["Observation.value[x]"]["type"] == [{"code": "Quantity"}]
    assert found["Observation.value[x]"]["slicing"]["rules"] == "closed"


def test_the_only_type_slice_takes_over_the_minimum_of_its_choice_and_closes_nothing_by_it(define: Define) -> None:
    occurrence = "Immunization.occurrence[x]"
    found = elements(define(profile("a", "Immunization", {"id": f"{occurrence}:occurrenceDateTime", "short": "when"})))
    assert found[f"{occurrence}:occurrenceDateTime"]["min"] == 1
    assert [entry["code"] for entry in found[occurrence]["type"]] == ["dateTime", "string"]
    assert found[occurrence]["slicing"]["rules"] == "open"


@pytest.mark.parametrize("others", [{"min": 0}, {"beside": True}])
def test_a_type_slice_need_not_be_there_where_that_is_said_or_another_is_beside_it(
    define: Define, others: Json
) -> None:
    occurrence = "Immunization.occurrence[x]"
    beside = [{"id": f"{occurrence}:occurrenceString", "short": "about when"}] if others.pop("beside", False) else []
    said = {"id": f"{occurrence}:occurrenceDateTime", "short": "when", **others}
    found = elements(define(profile("a", "Immunization", said, *beside)))
    assert found[f"{occurrence}:occurrenceDateTime"]["min"] == 0


def test_an_extension_said_inside_a_slice_leaves_the_words_of_its_element(define: Define) -> None:
    general = {"short": "Additional content defined by implementations"}
    own = {"sliceName": "own", "type": [{"code": "Extension", "profile": [f"{CORE}data-absent-reason"]}]}
    found = elements(
        define(
            profile(
                "p",
                "Observation",
                {"id": "Observation.extension", **general},
                {"id": "Observation.component.extension", **general},
            ),
            profile(
                "a",
                f"{EXAMPLE}p",
                {"id": "Observation.extension:own", **own},
                {"id": "Observation.component", "slicing": {"discriminator": [], "rules": "open"}},
                {"id": "Observation.component:one", "max": "1"},
                {"id": "Observation.component:one.extension:own", **own},
            ),
        )
    )
    assert found["Observation.component:one.extension"]["short"] == general["short"]
    assert found["Observation.extension"]["short"] == "Extension"


def test_a_choice_of_one_type_needs_no_slice(define: Define) -> None:
    found = elements(
        define(
            profile("p", "Observation", {"id": "Observation.value[x]", "type": [{"code": "Quantity"}]}),
            profile("a", f"{EXAMPLE}p", {"id": "Observation.valueQuantity.unit", "min": 1}),
        )
    )
    assert found["Observation.value[x].unit"]["min"] == 1
    assert "slicing" not in found["Observation.value[x]"]


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


def test_a_differential_without_ids_belongs_to_the_slice_that_was_opened_last(define: Define) -> None:
    body = profile("a", "Patient")
    body["type"] = "Patient"
    body["differential"]["element"] = [
        {"path": "Patient.name", "slicing": {"discriminator": [{"type": "value", "path": "use"}], "rules": "open"}},
        {"path": "Patient.name", "sliceName": "one"},
        {"path": "Patient.name.use", "fixedCode": "official"},
        {"path": "Patient.name", "sliceName": "two"},
        {"path": "Patient.name.use", "fixedCode": "nickname"},
    ]
    found = elements(define(body))
    assert found["Patient.name:one.use"]["fixedCode"] == "official"
    assert found["Patient.name:two.use"]["fixedCode"] == "nickname"
    assert "Patient.name.use" not in found


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
