"""R4 Consent is read whole: every element is in the record, carried along, or named as not understood."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from consent_cases import consent, provision
from consent_full import full

from fhir_plugin.mapping.consent import consent_to_fhir, consents_from_fhir, read_consents
from fhir_plugin.mapping.consent_dialect import R4
from fhir_plugin.mapping.consent_elements import R4_CONSENT
from fhir_plugin.model.consent import Effect, Scope, Status
from fhir_plugin.model.dates import AMSTERDAM, PartialDate, midnight
from fhir_plugin.model.identity import Ref
from fhir_plugin.packages import load_definitions


def test_every_element_is_read() -> None:
    (record,), report = read_consents([full()])

    assert not report.issues
    assert record.status is Status.ACTIVE
    assert record.scope is Scope.PRIVACY
    assert record.subject == Ref(reference="Patient/child")
    assert record.grantors == (Ref(reference="RelatedPerson/mother"),)
    assert record.recorded_at == datetime(2026, 1, 10, 10, tzinfo=AMSTERDAM)
    assert record.organizations == (Ref(reference="Organization/jeugdhulp"),)
    assert record.source == Ref(reference="DocumentReference/form")
    assert record.verifications[0].verified_with == Ref(reference="RelatedPerson/mother")
    assert record.age_basis == "under-12"
    assert record.identifiers[0].system == "urn:forms"
    assert record.version == "1"
    root = record.root
    assert root is not None
    assert root.effect is Effect.PERMIT
    assert root.period is not None
    assert root.period.end == midnight(PartialDate.parse("2027-01-01").first_day())
    assert [coding.code for coding in (*root.actions, *root.purposes, *root.classes, *root.codes)] == [
        "access",
        "use",
        "FAMRQT",
        "CarePlan",
        "progress",
    ]
    assert root.exceptions[0].security_labels[0].code == "R"


def test_every_element_of_the_specification_is_known_and_nothing_else_is() -> None:
    structure = load_definitions().structure("http://hl7.org/fhir/StructureDefinition/Consent")
    assert structure is not None
    paths = [element["path"].replace("[x]", "") for element in structure["snapshot"]["element"]]

    def members(parent: str) -> set[str]:
        return {path.rpartition(".")[2] for path in paths if path.rpartition(".")[0] == parent}

    choice = {"source"}
    spelled = {"sourceAttachment", "sourceReference"}
    assert members("Consent") - choice | spelled | {"resourceType"} == R4_CONSENT.known | {"implicitRules"}
    assert members("Consent.provision") == R4.known


@pytest.mark.parametrize(
    ("profile", "scope"),
    [
        ("http://nictiz.nl/fhir/StructureDefinition/nl-core-TreatmentDirective2", Scope.TREATMENT),
        ("http://nictiz.nl/fhir/StructureDefinition/nl-core-AdvanceDirective", Scope.ADVANCE_DIRECTIVE),
    ],
)
def test_a_treatment_or_advance_directive_is_never_a_privacy_consent(profile: str, scope: Scope) -> None:
    (record,) = consents_from_fhir([consent() | {"meta": {"profile": [profile]}}])

    assert record.scope is scope


def test_two_versions_of_one_consent_contradict_each_other() -> None:
    records, report = read_consents([consent(1), consent(1, status="inactive") | {"meta": {"versionId": "2"}}])

    assert all("Consent.id" in record.not_understood for record in records)
    assert [issue.code for issue in report] == ["consent-contradictory"]


def test_consents_are_found_in_bundles_and_other_resources_are_passed_over() -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": consent(1)}, {"resource": {"resourceType": "Patient"}}]}

    assert [record.id for record in consents_from_fhir(bundle)] == ["consent-1"]
    assert [record.id for record in consents_from_fhir([bundle, consent(2)])] == ["consent-1", "consent-2"]


def test_a_body_without_id_takes_the_key_it_is_given() -> None:
    body = consent()
    del body["id"]
    records, _ = read_consents([body], key=lambda _: "urn:uuid:new")

    assert records[0].id == "urn:uuid:new"
    assert consent_to_fhir(records[0]) == body


@pytest.mark.parametrize("words", [{"action": ["access", "destroy"]}, {"code": ["diary"]}], ids=str)
def test_a_code_that_its_list_does_not_have_is_warned_about(words: dict[str, Any]) -> None:
    (record,), report = read_consents([consent(**words)])

    assert [issue.code for issue in report] == ["consent-code-unknown"]
    assert not record.not_understood


def test_provision_builder_and_reader_agree_on_an_empty_provision() -> None:
    assert provision({"says": ""}) == {}
