"""Granting, replacing, withdrawing and expiring: every state that must be written, together, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from consent_cases import POLICY, consent, facts_of, request_of, standard_facts, standard_request

from fhir_plugin.consent import (
    AccessRequest,
    Confidentiality,
    Facts,
    Grant,
    check_grant,
    decide,
    expire,
    grant,
    replacement,
    withdraw,
)
from fhir_plugin.errors import UsageError
from fhir_plugin.mapping.consent import consent_to_fhir, consents_from_fhir
from fhir_plugin.model.consent import ConsentRecord, Effect, Status
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.issues import Severity
from fhir_plugin.model.terms import AgeBasis, Extensions, InformationCategory
from fhir_plugin.validation import Validator

CHILD, AUNT = Ref(reference="Patient/child"), Ref(reference="RelatedPerson/aunt")
MOTHER, FATHER = Ref(reference="RelatedPerson/mother"), Ref(reference="RelatedPerson/father")
SIGNED_AT = datetime.fromisoformat("2026-06-01T10:00:00+02:00")


def wanted(**changes: Any) -> Grant:
    values: dict[str, Any] = {
        "child": CHILD,
        "figure": AUNT,
        "signed_by": (MOTHER,),
        "categories": (InformationCategory.PROGRESS, InformationCategory.SCHOOL),
        "valid": Period(start=PartialDate.parse("2026-06-01"), end=PartialDate.parse("2026-12-31")),
        "at": SIGNED_AT,
    }
    return Grant(**values | changes)


def facts(**said: Any) -> Facts:
    return facts_of(standard_facts(**said))


def asked(code: str = "progress") -> AccessRequest:
    return request_of(standard_request(code=code))


def permitted(records: Sequence[ConsentRecord], known: Facts | None = None, code: str = "progress") -> bool:
    """Whether the records permit as the EHR gives them back."""
    back = consents_from_fhir([consent_to_fhir(record) for record in records])
    return bool(decide(asked(code), back, known or facts(), POLICY))


def stored(record: ConsentRecord, record_id: str) -> ConsentRecord:
    """The record as the EHR gives it back once it is there."""
    body = consent_to_fhir(record)
    return consents_from_fhir([body | {"id": record_id, "meta": body.get("meta", {}) | {"versionId": "1"}}])[0]


def test_a_grant_is_one_new_consent_that_permits_what_was_agreed_and_nothing_else() -> None:
    record = grant(wanted(), facts(), POLICY, record_id="urn:uuid:new")

    assert "id" not in consent_to_fhir(record)
    assert permitted([record])
    assert not permitted([record], code="health")


def test_a_grant_has_the_shape_of_our_profile() -> None:
    body = consent_to_fhir(grant(wanted(organization=Ref(reference="Organization/o")), facts(), POLICY))

    assert body["dateTime"] == "2026-06-01T10:00:00+02:00"
    assert body["performer"] == [{"reference": "RelatedPerson/mother"}]
    assert body["policy"] == [{"uri": POLICY.source}]
    assert body["extension"] == [{"url": Extensions.AGE_BASIS, "valueCode": "under-12"}]
    assert body["provision"]["period"] == {"start": "2026-06-01", "end": "2026-12-31"}
    assert body["provision"]["actor"][0]["role"]["coding"][0]["code"] == "IRCP"
    assert body["organization"] == [{"reference": "Organization/o"}]


@pytest.mark.parametrize(
    ("signed", "basis"),
    [((MOTHER, CHILD), AgeBasis.FROM_12_TO_15), ((MOTHER,), None), ((CHILD,), None)],
)
def test_the_age_basis_is_stated_when_the_form_carries_every_kind_of_signature(
    signed: tuple[Ref, ...], basis: AgeBasis | None
) -> None:
    assert grant(wanted(signed_by=signed), facts(child_born="2013-01-20"), POLICY).age_basis == basis


def test_two_forms_permit_together() -> None:
    both = facts(authority=["mother", "father"])
    mother = grant(wanted(), both, POLICY, record_id="one")
    father = grant(wanted(signed_by=(FATHER,)), both, POLICY, record_id="two")

    assert not permitted([mother], both)
    assert permitted([mother, father], both)


@pytest.mark.parametrize(
    ("change", "said", "code"),
    [
        ({"signed_by": ()}, {}, "consent-without-grantor"),
        ({"signed_by": (FATHER,)}, {}, "co-1"),
        ({"signed_by": (MOTHER, CHILD)}, {}, "co-1"),
        ({"figure": MOTHER}, {}, "co-3"),
        ({"valid": Period(start=PartialDate.parse("2026"))}, {}, "co-4"),
        ({"valid": Period(start=PartialDate(2026, 7), end=PartialDate(2026, 6))}, {}, "consent-period-reversed"),
        ({"categories": ()}, {}, "consent-grant-incomplete"),
        ({"child": Ref(reference="Patient/sibling")}, {}, "consent-other-child"),
        ({}, {"child_born": None}, "consent-age-unknown"),
        ({}, {"authority": []}, "consent-authority-unknown"),
    ],
    ids=str,
)
def test_what_stands_in_the_way_of_a_grant_is_told_and_stops_it(
    change: dict[str, Any], said: dict[str, Any], code: str
) -> None:
    report = check_grant(wanted(**change), facts(**said), POLICY)

    assert code in {issue.code for issue in report}
    assert report.has_errors
    with pytest.raises(UsageError):
        grant(wanted(**change), facts(**said), POLICY)


@pytest.mark.parametrize(
    ("said", "signed", "code"),
    [
        ({"child_born": "2013-01-20"}, (MOTHER,), "consent-youth-must-sign"),
        ({"authority": ["mother", "father"]}, (MOTHER,), "consent-others-must-sign"),
    ],
)
def test_a_grant_that_will_not_permit_alone_is_warned_about(
    said: dict[str, Any], signed: tuple[Ref, ...], code: str
) -> None:
    report = check_grant(wanted(signed_by=signed), facts(**said), POLICY)

    assert [issue.code for issue in report] == [code]
    assert not report.has_errors


def test_a_recorded_refusal_refuses_whatever_else_was_signed() -> None:
    permit = grant(wanted(), facts(), POLICY, record_id="one")
    no_school = wanted(effect=Effect.DENY, categories=(InformationCategory.SCHOOL,))
    refusal = grant(no_school, facts(), POLICY, record_id="two")

    assert permitted([permit, refusal], code="progress")
    assert not permitted([permit, refusal], code="school")


@pytest.mark.parametrize("label", list(Confidentiality))
def test_a_recorded_refusal_holds_whatever_the_confidentiality(label: Confidentiality) -> None:
    permit = grant(wanted(label=Confidentiality.VERY_RESTRICTED), facts(), POLICY, record_id="one")
    refusal = grant(wanted(effect=Effect.DENY), facts(), POLICY, record_id="two")
    request = request_of(standard_request(code="progress", label=label.value))

    assert decide(request, [permit], facts(), POLICY)
    assert not decide(request, [permit, refusal], facts(), POLICY)


def test_a_replacement_ends_the_old_and_creates_the_new_in_one_list() -> None:
    (record,) = consents_from_fhir([consent()])
    old, new = replacement(record, grant(wanted(), facts(), POLICY, record_id="urn:uuid:new"))

    assert consent_to_fhir(old) == consent() | {"status": "inactive"}
    assert old.version == "1"
    assert not permitted([old])
    assert permitted([old, new])


def test_a_withdrawal_by_the_only_grantor_leaves_nothing() -> None:
    (record,) = consents_from_fhir([consent()])
    left = withdraw(record, MOTHER)

    assert [each.status for each in left] == [Status.INACTIVE]
    assert not permitted(left)


def test_a_withdrawal_by_one_of_two_keeps_the_signature_of_the_other() -> None:
    kept = {"extension": [{"url": "urn:kept", "valueString": "x"}]}
    of_that_form = {
        "identifier": [{"system": "urn:f", "value": "1"}],
        "text": {"status": "generated", "div": "<div>Moeder en vader stemmen toe.</div>"},
        "verification": [{"verified": True, "verifiedWith": {"reference": "RelatedPerson/mother"}}],
    }
    (record,) = consents_from_fhir([consent(by=["mother", "father"]) | kept | of_that_form])
    old, new = withdraw(record, MOTHER, remainder_id="urn:uuid:new")
    body = consent_to_fhir(new)

    assert old.status is Status.INACTIVE
    assert body["performer"] == [{"reference": "RelatedPerson/father"}]
    assert body["extension"] == kept["extension"]
    assert not {"id", *of_that_form} & body.keys()
    assert "versionId" not in body.get("meta", {})
    assert permitted([old, new], facts(authority=["father"]))
    assert not permitted([old, new], facts(authority=["mother", "father"]))


def test_what_is_not_understood_stays_so_in_what_the_others_signed() -> None:
    (record,) = consents_from_fhir([consent(by=["mother", "father"]) | {"implicitRules": "urn:x"}])
    _, new = withdraw(record, MOTHER)

    assert consent_to_fhir(new)["implicitRules"] == "urn:x"


def test_an_expired_consent_becomes_inactive() -> None:
    (record,) = consents_from_fhir([consent(until="2026-01")])

    assert [consent_to_fhir(each)["status"] for each in expire(record)] == ["inactive"]


def test_only_a_grantor_withdraws_and_only_once() -> None:
    (record,) = consents_from_fhir([consent()])

    with pytest.raises(UsageError, match="Only who signed"):
        withdraw(record, FATHER)
    (inactive,) = withdraw(record, MOTHER)
    with pytest.raises(UsageError, match="not active"):
        withdraw(inactive, MOTHER)


def test_a_consent_of_another_child_is_never_replaced() -> None:
    (record,) = consents_from_fhir([consent(of="sibling")])

    with pytest.raises(UsageError, match="another child"):
        replacement(record, grant(wanted(), facts(), POLICY))


def test_a_code_is_plain_text_whoever_asked_for_an_equal_one_first() -> None:
    decide(asked(), [], facts(), POLICY)  # its action is a member of an enumeration
    root = grant(wanted(), facts(), POLICY).root

    assert root
    assert {type(coding.code) for coding in (*root.actions, *root.codes)} == {str}


def test_a_consent_round_trips_from_grant_to_withdrawal() -> None:
    record = stored(grant(wanted(), facts(), POLICY), "new")
    assert decide(asked(), [record], facts(), POLICY)

    (ended,) = withdraw(record, MOTHER)
    assert (ended.id, ended.version) == ("new", "1")
    assert not permitted([ended])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": Ref(reference="DocumentReference/form"), "organization": Ref(reference="Organization/o")}, {}),
        ({"signed_by": (CHILD,)}, {"child_born": "2013-01-20"}),
        ({"signed_by": (MOTHER, CHILD)}, {"child_born": "2013-01-20"}),
        ({"signed_by": (CHILD,)}, {"child_born": "2009-01-20"}),
        ({"signed_by": (Ref(reference="Organization/gi"),)}, {"authority": ["gi"]}),
        ({"effect": Effect.DENY, "categories": ()}, {}),
    ],
    ids=str,
)
def test_a_grant_satisfies_our_profile(change: dict[str, Any], said: dict[str, Any]) -> None:
    body = consent_to_fhir(grant(wanted(**change), facts(**said), POLICY))
    broken = copy.deepcopy(body)
    del broken["provision"]["period"]["end"]
    validator = Validator.load()

    assert not validator.validate(body).of(Severity.ERROR, Severity.FATAL)
    assert "co-4" in {issue.code for issue in validator.validate(broken)}
