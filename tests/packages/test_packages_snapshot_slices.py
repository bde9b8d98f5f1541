"""Slices in snapshots: of lists, of choices by type, of extensions (https://hl7.org/fhir/R4/profiling.html#slicing)."""

from __future__ import annotations

import pytest
from package_makers import CORE, EXAMPLE, Json, profile
from snapshot_reading import Define, elements


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
