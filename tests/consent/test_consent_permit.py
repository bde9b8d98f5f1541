"""Only decide() makes a Permit, and a permit opens exactly what was asked, only now."""

from __future__ import annotations

import copy
import dataclasses
import gc
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from consent_cases import POLICY, consent, decided, facts_of, request_of, standard_facts, standard_request, table

from fhir_plugin.consent import AccessRequest, Confidentiality, Permit, Refusal, decide, demand
from fhir_plugin.consent.permit import claim_issuer
from fhir_plugin.errors import PermitRequired
from fhir_plugin.mapping.consent import consents_from_fhir
from fhir_plugin.model.dates import AMSTERDAM
from fhir_plugin.model.identity import Ref


@pytest.fixture
def permit() -> Permit:
    answer = decide(request_of(standard_request()), consents_from_fhir([consent()]), facts_of(standard_facts()), POLICY)
    assert isinstance(answer, Permit)
    return answer


def test_calling_the_class_makes_no_permit() -> None:
    with pytest.raises(TypeError):
        Permit()  # type: ignore[call-arg]


def test_an_object_made_behind_its_back_permits_nothing() -> None:
    forged = object.__new__(Permit)

    with pytest.raises(PermitRequired) as raised:
        demand(forged, request_of(standard_request()))
    assert raised.value.code == "permit-forged"


def test_a_subclass_cannot_exist() -> None:
    with pytest.raises(TypeError):
        type("Mine", (Permit,), {})


def test_a_permit_cannot_be_stored_and_brought_back(permit: Permit) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(permit)


def test_a_copy_is_the_same_permit_and_nothing_in_it_can_be_replaced(permit: Permit) -> None:
    assert copy.copy(permit) is permit
    assert copy.deepcopy(permit) is permit
    with pytest.raises(TypeError):
        dataclasses.replace(permit, request=None)  # type: ignore[type-var]
    for name in ("request", "grounds", "requirement", "policy", "must_audit", "anything"):
        with pytest.raises(AttributeError):
            setattr(permit, name, None)
        with pytest.raises(AttributeError):
            object.__setattr__(permit, name, None)


def test_the_right_to_issue_is_given_once_and_is_gone() -> None:
    with pytest.raises(TypeError):
        claim_issuer()


def test_a_forgotten_permit_leaves_no_trace_that_a_new_object_could_take_over(permit: Permit) -> None:
    del permit
    gc.collect()
    with pytest.raises(PermitRequired):
        _ = object.__new__(Permit).request


def test_a_permit_names_grantor_consent_version_provision_and_policy(permit: Permit) -> None:
    (ground,) = permit.grounds

    assert ground == ("RelatedPerson/mother", "consent-0", "1", "Consent.provision")
    assert permit.policy == "nl-jeugdwet 2026.1"
    assert permit.requirement.articles
    assert "aunt" not in repr(permit)


def test_demand_lets_pass_what_was_asked(permit: Permit) -> None:
    demand(permit, request_of(standard_request()))
    demand(permit, dataclasses.replace(permit.request, at=permit.request.at + timedelta(seconds=59)))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"classes": ("Observation",)}, "permit-mismatch"),
        ({"classes": ()}, "permit-mismatch"),
        ({"actor": Ref(reference="RelatedPerson/uncle")}, "permit-mismatch"),
        ({"child": Ref(reference="Patient/sibling")}, "permit-mismatch"),
        ({"label": Confidentiality.RESTRICTED}, "permit-mismatch"),
        ({"purpose": "CAREMGT"}, "permit-mismatch"),
        ({"later": timedelta(minutes=2)}, "permit-stale"),
        ({"later": timedelta(seconds=-1)}, "permit-stale"),
    ],
    ids=str,
)
def test_demand_stops_what_was_not_asked(permit: Permit, change: dict[str, Any], code: str) -> None:
    later = change.pop("later", timedelta(0))
    needed = dataclasses.replace(permit.request, at=permit.request.at + later, **change)

    with pytest.raises(PermitRequired) as raised:
        demand(permit, needed)
    assert raised.value.code == code


def test_a_permit_is_an_hour_old_when_the_clock_went_back_meanwhile() -> None:
    def asked(fold: int) -> AccessRequest:
        at = datetime(2026, 10, 25, 2, 30, tzinfo=AMSTERDAM, fold=fold)
        return dataclasses.replace(request_of(standard_request()), at=at)

    answer = decide(asked(0), consents_from_fhir([consent()]), facts_of(standard_facts()), POLICY)
    assert isinstance(answer, Permit)
    demand(answer, asked(0))
    with pytest.raises(PermitRequired) as raised:
        demand(answer, asked(1))
    assert raised.value.code == "permit-stale"


def test_a_permit_for_data_of_one_period_serves_for_no_other() -> None:
    of_2025 = request_of(standard_request(data_period=["2025-01-01", "2025-12-31"]))
    answer = decide(of_2025, consents_from_fhir([consent()]), facts_of(standard_facts()), POLICY)

    demand(answer, of_2025)
    for period in (request_of(standard_request(data_period=["2024-01-01", "2025-12-31"])).data_period, None):
        with pytest.raises(PermitRequired):
            demand(answer, dataclasses.replace(of_2025, data_period=period))


def test_demand_lets_part_of_what_was_permitted_pass() -> None:
    request = request_of(standard_request() | {"classes": ["CarePlan", "Goal"]})
    answer = decide(request, consents_from_fhir([consent()]), facts_of(standard_facts()), POLICY)

    demand(answer, request_of(standard_request()))


def test_a_permit_for_whatever_it_may_be_serves_for_anything() -> None:
    everything = request_of(standard_request() | {"classes": []})
    answer = decide(everything, consents_from_fhir([consent()]), facts_of(standard_facts()), POLICY)

    demand(answer, request_of(standard_request(code="school")))


def test_demand_stops_a_refusal_with_its_reason_and_stops_nothing_at_all() -> None:
    refusal = next(answer for answer in map(decided, table()) if isinstance(answer, Refusal))

    with pytest.raises(PermitRequired) as raised:
        demand(refusal, refusal.request)
    assert raised.value.code == refusal.reason
    with pytest.raises(PermitRequired):
        demand(None, refusal.request)


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": datetime.fromisoformat("2026-06-15T12:00:00")},
        {"at": datetime.max.replace(tzinfo=UTC)},
        {"action": "destroy"},
        {"label": "X"},
    ],
    ids=str,
)
def test_a_request_that_means_nothing_cannot_be_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        dataclasses.replace(request_of(standard_request()), **wrong)
