"""A consent is written back as it was read, with only what differs written anew."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta

from consent_cases import provision
from consent_full import full
from consent_generator import cases
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.mapping.consent import consent_to_fhir, consents_from_fhir
from fhir_plugin.model.consent import Scope, Status


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


def test_what_others_wrote_in_a_condition_stays_when_another_one_is_added() -> None:
    body = full()
    held = body["provision"]["action"]
    held[0]["text"] = "inzien"
    (record,) = consents_from_fhir([body])
    assert record.root is not None

    wider = replace(record.root, actions=(*record.root.actions, replace(record.root.actions[0], code="use")))
    written = consent_to_fhir(replace(record, root=wider))["provision"]["action"]
    assert written[: len(held)] == held
    assert len(written) == len(held) + 1


def test_what_others_wrote_in_an_exception_stays_with_it_when_another_one_goes() -> None:
    body = full()
    first, second, third = (
        provision({"says": "deny", "class": [name]}) | {"extension": [{"url": "urn:why", "valueString": name}]}
        for name in ("Observation", "Condition", "Goal")
    )
    body["provision"]["provision"] = [first, second, third]
    (record,) = consents_from_fhir([body])
    assert record.root is not None

    fewer = replace(record.root, exceptions=record.root.exceptions[1:])
    assert consent_to_fhir(replace(record, root=fewer))["provision"]["provision"] == [second, third]
    turned = replace(record.root, exceptions=tuple(reversed(record.root.exceptions)))
    assert consent_to_fhir(replace(record, root=turned))["provision"]["provision"] == [third, second, first]


def test_a_changed_end_keeps_how_the_start_was_written() -> None:
    body = full()
    (record,) = consents_from_fhir([body])
    assert record.root is not None
    assert record.root.period is not None
    assert record.root.period.end is not None

    earlier = replace(record.root.period, end=record.root.period.end - timedelta(days=31))
    written = consent_to_fhir(replace(record, root=replace(record.root, period=earlier)))
    assert written["provision"]["period"] == {"start": "2026-01", "end": "2026-11-30"}


def test_a_consent_of_ours_claims_our_profile_and_states_category_and_policy() -> None:
    (record,) = consents_from_fhir([full()])
    body = consent_to_fhir(replace(record, id="urn:uuid:1", carried=None))

    assert "id" not in body
    assert body["meta"]["profile"] == ["https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportConsent"]
    assert [item["coding"][0]["code"] for item in body["category"]] == ["59284-0", "IDSCL"]
    assert body["policy"][0]["uri"].startswith("https://wetten.overheid.nl/")
