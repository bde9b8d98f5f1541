"""Laws of the decider that hold for every case."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from consent_cases import CATEGORY, POLICY, REFS, Case, consent, decided, facts_of, request_of
from consent_generator import cases
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.consent import Permit, Refusal, Says, explain
from fhir_plugin.mapping.consent import consents_from_fhir

CASE = st.builds(lambda seed: cases(seed, 1)[0], st.integers(0, 10**9))
LIKELY = st.builds(lambda seed: likely(cases(seed, 1)[0]), st.integers(0, 10**9))
MODEST = settings(max_examples=120, deadline=None)


def likely(case: Case) -> Case:
    """A case without barriers, and with a permit of everybody in it: more of them are permitted."""
    facts = case.facts | {"birthDate": "2017-01-20", "safetyBlock": False}
    facts["authority"] = [{"holder": item["holder"]} for item in facts["authority"]] or [{"holder": REFS["mother"]}]
    facts["figure"] = {"reference": REFS["aunt"], "active": True, "teams": facts["figure"]["teams"]}
    given = consent(99) | {"performer": [{"reference": item["holder"]} for item in facts["authority"]]}
    return replace(
        case, facts=facts, consents=[*case.consents[:2], given], request=case.request | {"child": REFS["child"]}
    )


def content(answer: Permit | Refusal) -> Any:
    if isinstance(answer, Permit):
        return (answer.request, answer.grounds, answer.requirement)
    return answer


@MODEST
@given(LIKELY, CASE)
def test_adding_a_refusal_never_widens(case: Case, other: Case) -> None:
    denies = [body | {"id": f"added-{at}", "provision": deny(body)} for at, body in enumerate(other.consents)]

    if decided(replace(case, consents=case.consents + denies)):
        assert decided(case)


def deny(body: dict[str, Any]) -> dict[str, Any]:
    root = dict(body.get("provision", {}), type="deny")
    root.pop("provision", None)
    return root


@MODEST
@given(CASE, st.randoms(use_true_random=False))
def test_order_and_duplication_of_consents_never_matter(case: Case, chance: random.Random) -> None:
    mixed = [*case.consents, *case.consents[:1]]
    chance.shuffle(mixed)

    assert content(decided(replace(case, consents=mixed))) == content(decided(case))


@MODEST
@given(CASE, CASE)
def test_an_inactive_or_foreign_consent_changes_nothing(case: Case, other: Case) -> None:
    ended = [body | {"id": f"ended-{at}", "status": "inactive"} for at, body in enumerate(other.consents)]
    foreign = [
        body | {"id": f"foreign-{at}", "patient": {"reference": "Patient/another"}}
        for at, body in enumerate(other.consents)
    ]

    assert content(decided(replace(case, consents=case.consents + ended + foreign))) == content(decided(case))


@MODEST
@given(CASE, CASE)
def test_what_people_without_authority_sign_changes_nothing(case: Case, other: Case) -> None:
    theirs = [
        body | {"id": f"theirs-{at}", "performer": [{"reference": "RelatedPerson/neighbour"}]}
        for at, body in enumerate(other.consents)
    ]

    assert content(decided(replace(case, consents=case.consents + theirs))) == content(decided(case))


@MODEST
@given(LIKELY, st.sampled_from(["RelatedPerson/neighbour", REFS["father"], REFS["gi"]]))
def test_one_more_authority_holder_never_widens(case: Case, holder: str) -> None:
    more = case.facts | {"authority": [*case.facts["authority"], {"holder": holder}]}

    if decided(replace(case, facts=more)):
        assert decided(case)


@MODEST
@given(LIKELY, st.sampled_from(["classes", "codes", "data", "dataPeriod"]))
def test_what_is_unsaid_never_helps_the_one_who_asks(case: Case, part: str) -> None:
    unsaid = replace(case, request=case.request | {part: None if part == "dataPeriod" else []})
    said: dict[str, Any] = {
        "classes": ["Goal"],
        "codes": [{"system": CATEGORY, "code": "health"}],
        "data": [{"reference": "CarePlan/x", "authors": [], "refersTo": ["Goal/goal"], "referredBy": None}],
        "dataPeriod": {"start": "2026-02-01", "end": "2026-07-01"},
    }

    if decided(unsaid):
        assert decided(case)
        assert decided(replace(case, request=case.request | {part: said[part]}))


@MODEST
@given(LIKELY)
def test_a_safety_block_or_an_ended_bond_refuses_whatever_was_signed(case: Case) -> None:
    assert not decided(replace(case, facts=case.facts | {"safetyBlock": True}))
    assert not decided(replace(case, facts=case.facts | {"figure": case.facts["figure"] | {"end": "2019"}}))


@MODEST
@given(LIKELY)
def test_a_permit_stands_on_the_permit_of_everyone_who_must_sign(case: Case) -> None:
    answer = decided(case)
    records = consents_from_fhir(case.consents)

    if isinstance(answer, Permit):
        assert {ground.grantor for ground in answer.grounds} == set(answer.requirement.references)
        assert {ground.consent for ground in answer.grounds} <= {record.id for record in records}
        assert all(not record.not_understood for record in records if record.id in {g.consent for g in answer.grounds})
    else:
        assert answer.reason


@MODEST
@given(LIKELY)
def test_the_explanation_agrees_with_the_decision(case: Case) -> None:
    single = replace(
        case, request=case.request | {"classes": case.request["classes"][:1], "codes": case.request["codes"][:1]}
    )
    answer = decided(single)
    lines = explain(request_of(single.request), consents_from_fhir(single.consents), facts_of(single.facts), POLICY)

    assert len(lines) == len(single.consents)
    if isinstance(answer, Permit):
        permitting = {name for line in lines if line.says is Says.PERMITS for name in line.grantors}
        assert permitting >= set(answer.requirement.references)
        assert not any(line.says is Says.DENIES for line in lines)
    elif answer.grounds:
        assert {ground.consent for ground in answer.grounds} == {
            line.consent for line in lines if line.says is Says.DENIES
        }
