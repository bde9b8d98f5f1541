"""R4 Consent is read whole: every element is in the record, carried along, or named as not understood."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from consent_cases import POLICY, consent, facts_of, provision, request_of, standard_facts, standard_request
from consent_generator import cases, concept
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.consent import decide
from fhir_plugin.errors import MappingError
from fhir_plugin.mapping.consent import consent_to_fhir, consents_from_fhir, read_consents
from fhir_plugin.mapping.consent_dates import read_span
from fhir_plugin.mapping.consent_dialect import R4
from fhir_plugin.mapping.consent_elements import R4_CONSENT
from fhir_plugin.model.consent import Effect, Rule, Scope, Status
from fhir_plugin.model.dates import AMSTERDAM, PartialDate, midnight
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import Extensions
from fhir_plugin.packages import load_definitions

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


def full() -> dict[str, Any]:
    """A consent that uses every element the model knows, and much that it does not."""
    body = consent(
        1,
        action=["access", "use"],
        purpose=["FAMRQT"],
        code=["progress"],
        label=["N"],
        **{"class": ["CarePlan"], "from": "2026-01", "until": "2026-12-31"},
        data_from="2025",
        data=[{"meaning": "instance", "reference": "CarePlan/plan"}],
        exceptions=[{"says": "deny", "label": ["R"]}],
    )
    body |= {
        "language": "nl",
        "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>ja</div>"},
        "contained": [{"resourceType": "Organization", "id": "o", "name": "Instelling"}],
        "extension": [
            {"url": "urn:other", "valueString": "kept"},
            {"url": Extensions.AGE_BASIS, "valueCode": "under-12"},
        ],
        "identifier": [{"system": "urn:forms", "value": "F-1", "use": "official"}],
        "organization": [{"reference": "Organization/jeugdhulp", "display": "Jeugdhulp"}],
        "sourceReference": {"reference": "DocumentReference/form"},
        "verification": [
            {"verified": True, "verifiedWith": {"reference": "RelatedPerson/mother"}, "verificationDate": "2026-01-11"}
        ],
        "dateTime": "2026-01-10T10:00:00+01:00",
        "_dateTime": {"extension": [{"url": "urn:precision", "valueCode": "clock"}]},
    }
    body["provision"]["extension"] = [{"url": "urn:note", "valueString": "kept"}]
    body["provision"]["actor"][0]["reference"]["display"] = "tante"
    return body


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


def test_what_was_read_is_written_back_as_it_was() -> None:
    body = full()
    (record,) = consents_from_fhir([body])

    assert consent_to_fhir(record) == body


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_generated_consents_are_written_back_as_they_were_and_mean_the_same_when_written_anew(seed: int) -> None:
    for body in cases(seed, 1)[0].consents:
        (record,) = consents_from_fhir([body])
        assert consent_to_fhir(record) == body
        if not record.not_understood and record.scope is not Scope.OTHER:
            assert consents_from_fhir([consent_to_fhir(replace(record, carried=None))]) == [record]


def test_one_change_changes_one_element() -> None:
    body = full()
    (record,) = consents_from_fhir([body])
    assert record.root is not None

    written = consent_to_fhir(replace(record, status=Status.INACTIVE))
    assert written == body | {"status": "inactive"}

    narrower = replace(record.root, actions=record.root.actions[:1])
    written = consent_to_fhir(replace(record, root=narrower))
    expected = copy.deepcopy(body)
    del expected["provision"]["action"][1]
    assert written == expected


def test_a_changed_end_keeps_how_the_start_was_written() -> None:
    body = full()
    (record,) = consents_from_fhir([body])
    assert record.root is not None
    assert record.root.period is not None
    assert record.root.period.end is not None

    earlier = replace(record.root.period, end=record.root.period.end - timedelta(days=31))
    written = consent_to_fhir(replace(record, root=replace(record.root, period=earlier)))
    assert written["provision"]["period"] == {"start": "2026-01", "end": "2026-11-30"}


Damage = Callable[[dict[str, Any]], Any]
NOT_UNDERSTOOD: dict[str, tuple[str, Damage]] = {
    "a modifier extension on the consent": (
        "Consent.modifierExtension",
        lambda body: body.update(modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
    ),
    "a modifier extension on a provision": (
        "Consent.provision.modifierExtension",
        lambda body: body["provision"].update(modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
    ),
    "a modifier extension on a nested provision": (
        "Consent.provision.provision[0].modifierExtension",
        lambda body: body["provision"]["provision"][0].update(modifierExtension=[{"url": "urn:x"}]),
    ),
    "a modifier extension on an actor": (
        "Consent.provision.actor[0].modifierExtension",
        lambda body: body["provision"]["actor"][0].update(modifierExtension=[{"url": "urn:x"}]),
    ),
    "implicit rules": ("Consent.implicitRules", lambda body: body.update(implicitRules="urn:rules")),
    "an element of R5": ("Consent.decision", lambda body: body.update(decision="deny")),
    "an unknown element of a provision": (
        "Consent.provision.expression",
        lambda body: body["provision"].update(expression={"expression": "true"}),
    ),
    "an unknown status": ("Consent.status", lambda body: body.update(status="perhaps")),
    "a status of the wrong type": ("Consent.status", lambda body: body.update(status=["active"])),
    "an unknown type": ("Consent.provision.type", lambda body: body["provision"].update(type="maybe")),
    "a nested provision without type": (
        "Consent.provision.provision[0].type",
        lambda body: body["provision"]["provision"][0].pop("type"),
    ),
    "another policy rule without root type": (
        "Consent.policyRule",
        lambda body: (
            body["provision"].pop("type"),
            body.update(policyRule=concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", "HIPAANOPP")),
        ),
    ),
    "an action in words": (
        "Consent.provision.action[2]",
        lambda body: body["provision"]["action"].append({"text": "inzien"}),
    ),
    "a purpose without system": (
        "Consent.provision.purpose[0]",
        lambda body: body["provision"]["purpose"][0].pop("system"),
    ),
    "a class of an unknown list": (
        "Consent.provision.class",
        lambda body: body["provision"]["class"][0].update(system="urn:local"),
    ),
    "a security label of another list": (
        "Consent.provision.securityLabel",
        lambda body: body["provision"]["securityLabel"].append(
            {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}
        ),
    ),
    "an unknown confidentiality": (
        "Consent.provision.securityLabel",
        lambda body: body["provision"].update(securityLabel=[{"system": CONFIDENTIALITY, "code": "X"}]),
    ),
    "an actor by identifier": (
        "Consent.provision.actor[0].reference",
        lambda body: body["provision"]["actor"][0].update(reference={"identifier": {"value": "1"}}),
    ),
    "an actor without role": (
        "Consent.provision.actor[0].role",
        lambda body: body["provision"]["actor"][0].pop("role"),
    ),
    "a group as actor": (
        "Consent.provision.actor[0].reference",
        lambda body: body["provision"]["actor"][0].update(reference={"reference": "Group/family"}),
    ),
    "a contained actor": (
        "Consent.provision.actor[0].reference",
        lambda body: body["provision"]["actor"][0].update(reference={"reference": "#o"}),
    ),
    "data with an unknown meaning": (
        "Consent.provision.data[0]",
        lambda body: body["provision"]["data"][0].update(meaning="near"),
    ),
    "an unreadable end": (
        "Consent.provision.period",
        lambda body: body["provision"].update(period={"end": "31-12-2026"}),
    ),
    "an end without zone": (
        "Consent.provision.period",
        lambda body: body["provision"].update(period={"end": "2026-12-31T12:00:00"}),
    ),
    "an end that is absent with a reason": (
        "Consent.provision.period",
        lambda body: body["provision"].update(period={"_end": {"extension": [{"url": "urn:dar"}]}}),
    ),
    "a period that ends before it begins": (
        "Consent.provision.period",
        lambda body: body["provision"].update(period={"start": "2026-12", "end": "2026-01"}),
    ),
    "a period that ends the day before it begins": (
        "Consent.provision.period",
        lambda body: body["provision"].update(period={"start": "2026-06-02", "end": "2026-06-01"}),
    ),
    "a period that is a string": (
        "Consent.provision.dataPeriod",
        lambda body: body["provision"].update(dataPeriod="2026"),
    ),
    "an empty list of actors": ("Consent.provision.actor", lambda body: body["provision"].update(actor=[])),
    "a provision that is a list": ("Consent.provision", lambda body: body.update(provision=[body["provision"]])),
    "nested provisions that are no list": (
        "Consent.provision.provision",
        lambda body: body["provision"].update(provision={"type": "deny"}),
    ),
}


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_what_is_not_understood_is_named_never_permits_and_survives(name: str) -> None:
    path, damage = NOT_UNDERSTOOD[name]
    body = full()
    damage(body)
    (record,), report = read_consents([body])

    assert path in record.not_understood
    assert path in {issue.expression for issue in report}
    assert report.has_errors
    assert not decide(request_of(standard_request()), [record], facts_of(standard_facts()), POLICY)
    assert consent_to_fhir(record) == body


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_a_refusal_in_a_consent_that_is_not_understood_still_refuses(name: str) -> None:
    _, damage = NOT_UNDERSTOOD[name]
    body = full()
    body["provision"]["type"] = "deny"
    damage(body)
    request = request_of(
        standard_request(
            code="progress",
            data=[{"reference": "CarePlan/plan"}],
            data_period=["2026-01-01", "2026-01-31"],
        )
    )
    records = consents_from_fhir([consent(2), body])

    if "another policy rule" not in name:
        assert not decide(request, records, facts_of(standard_facts()), POLICY)


def test_a_provision_that_is_not_understood_can_be_ended_but_not_rewritten() -> None:
    body = full()
    body["provision"]["modifierExtension"] = [{"url": "urn:x", "valueBoolean": True}]
    (record,) = consents_from_fhir([body])

    assert consent_to_fhir(replace(record, status=Status.INACTIVE))["status"] == "inactive"
    with pytest.raises(MappingError):
        consent_to_fhir(replace(record, root=Rule(effect=Effect.DENY)))


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


def test_a_consent_of_ours_claims_our_profile_and_states_category_and_policy() -> None:
    (record,) = consents_from_fhir([full()])
    body = consent_to_fhir(replace(record, id="urn:uuid:1", carried=None))

    assert "id" not in body
    assert body["meta"]["profile"] == ["https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportConsent"]
    assert [item["coding"][0]["code"] for item in body["category"]] == ["59284-0", "IDSCL"]
    assert body["policy"][0]["uri"].startswith("https://wetten.overheid.nl/")


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


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", "2026-01-01T00:00+01:00", "2027-01-01T00:00+01:00"),
        ("2026-06", "2026-06-01T00:00+02:00", "2026-07-01T00:00+02:00"),
        ("2026-06-15", "2026-06-15T00:00+02:00", "2026-06-16T00:00+02:00"),
        ("2026-06-15T12:00:00+02:00", "2026-06-15T12:00:00+02:00", "2026-06-15T12:00:01+02:00"),
        ("2026-06-15T10:00:00.5Z", "2026-06-15T12:00:00.5+02:00", "2026-06-15T12:00:00.6+02:00"),
        ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00+00:00", "2027-01-01T00:00:01+00:00"),
        ("9999", "9999-01-01T00:00+01:00", None),
    ],
)
def test_dates_are_widened_to_all_they_can_mean(text: str, start: str, end: str | None) -> None:
    assert read_span(text) == (datetime.fromisoformat(start), datetime.fromisoformat(end) if end else None)


@pytest.mark.parametrize(
    "value", ["", "15-06-2026", "2026-13", "2026-02-29", "2026-06-15T12:00:00", "2026-W01", 2026, None]
)
def test_what_is_no_fhir_date_is_not_read(value: object) -> None:
    assert read_span(value) is None


@pytest.mark.parametrize("words", [{"action": ["access", "destroy"]}, {"code": ["diary"]}], ids=str)
def test_a_code_that_its_list_does_not_have_is_warned_about(words: dict[str, Any]) -> None:
    (record,), report = read_consents([consent(**words)])

    assert [issue.code for issue in report] == ["consent-code-unknown"]
    assert not record.not_understood


def test_provision_builder_and_reader_agree_on_an_empty_provision() -> None:
    assert provision({"says": ""}) == {}
