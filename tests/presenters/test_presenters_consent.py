"""The consent step: who must agree, until when at most, and who may look at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from fhir_plugin.consent import load_policy
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.identity import PersonName, Ref
from fhir_plugin.model.network import Child, Person, Standing, SupportNetwork
from smart_app.i18n import translator
from smart_app.presenters.access import Viewer, rights_of, viewer_of
from smart_app.presenters.consent_form import consent_answers, proposed_end, requirement, signatures, why
from smart_app.presenters.forms import FormContext

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)
TODAY = NOW.date()
POLICY = load_policy()
MOTHER = Person(
    ref=Ref(reference="RelatedPerson/moeder"),
    standing=Standing.PARENT,
    name=PersonName(call_name="Els"),
    holds_authority=True,
)


def _record(born: PartialDate | None, *people: Person) -> tuple[SupportNetwork, FormContext]:
    child = Child(id="noor", name=PersonName(call_name="Noor"), birth_date=born)
    network = SupportNetwork(child=child, people=people)
    return network, FormContext(t=translator("nl"), child=child, people=people, now=NOW)


@pytest.mark.parametrize(
    ("born", "names", "reason"),
    [
        (PartialDate(2018, 1, 1), ["Els"], "Onder de 12 jaar"),
        (PartialDate(2012, 1, 1), ["Noor", "Els"], "Van 12 tot en met 15 jaar"),
        (PartialDate(2010, 1, 1), ["Noor"], "Vanaf 16 jaar"),
    ],
)
def test_who_must_agree_follows_the_age(born: PartialDate, names: list[str], reason: str) -> None:
    network, context = _record(born, MOTHER)
    needed = requirement(network, POLICY, NOW)
    assert [one.name for one in signatures(needed, context)] == names
    assert why(needed, context).startswith(reason)


def test_where_it_cannot_be_known_who_must_agree_that_is_said() -> None:
    network, context = _record(None, MOTHER)
    assert "geboortedatum" in why(requirement(network, POLICY, NOW), context)
    network, context = _record(PartialDate(2018, 1, 1))
    assert "niet wie het gezag heeft" in why(requirement(network, POLICY, NOW), context)


def test_a_consent_is_offered_for_a_year_but_never_past_a_birthday_at_which_others_decide() -> None:
    network, context = _record(PartialDate(2018, 1, 1), MOTHER)
    assert proposed_end(network, POLICY, context) == date(2027, 6, 15)
    network, context = _record(PartialDate(2010, 9, 1), MOTHER)
    assert proposed_end(network, POLICY, context) == date(2026, 8, 31)


@pytest.mark.parametrize(
    ("until", "code"),
    [("2027", "needs-day"), ("", "needs-day"), ("1-1-2026", "date-past"), ("1-1-2040", "date-far"), ("nooit", "date")],
)
def test_the_end_of_a_consent_is_a_day_to_come_within_a_year(until: str, code: str) -> None:
    network, context = _record(PartialDate(2018, 1, 1), MOTHER)
    values = {"share": ("yes",), "share_what": ("school",), "share_signers": (MOTHER.ref.reference,)}
    answers = consent_answers(values | {"share_until": (until,)}, requirement(network, POLICY, NOW), context)
    assert [(error.field, error.code) for error in answers.errors] == [("share_until", code)]


def test_only_people_who_must_sign_can_sign() -> None:
    network, context = _record(PartialDate(2018, 1, 1), MOTHER)
    values = {
        "share": ("yes",),
        "share_what": ("school",),
        "share_signers": ("RelatedPerson/buurman",),
        "share_until": ("1-1-2027",),
    }
    answers = consent_answers(values, requirement(network, POLICY, NOW), context)
    assert [error.code for error in answers.errors] == ["consent-signers"]


@pytest.mark.parametrize(
    ("reference", "person", "viewer"),
    [
        ("Practitioner/kim", MOTHER, Viewer.PROFESSIONAL),
        ("Patient/noor", MOTHER, Viewer.YOUTH),
        ("Patient/other", MOTHER, Viewer.NOBODY),
        ("RelatedPerson/moeder", MOTHER, Viewer.PARENT),
        ("RelatedPerson/moeder", replace(MOTHER, holds_authority=False), Viewer.NOBODY),
        ("RelatedPerson/moeder", replace(MOTHER, authority=Period(end=PartialDate(2020))), Viewer.NOBODY),
        ("RelatedPerson/moeder", replace(MOTHER, active=False), Viewer.NOBODY),
        ("RelatedPerson/moeder", replace(MOTHER, standing=Standing.CANDIDATE), Viewer.NOBODY),
        ("", MOTHER, Viewer.NOBODY),
    ],
)
def test_somebody_looks_in_the_capacity_the_record_gives_today(reference: str, person: Person, viewer: Viewer) -> None:
    network, _ = _record(PartialDate(2018, 1, 1), person)
    assert viewer_of(reference, network, TODAY) is viewer


@pytest.mark.parametrize(
    ("viewer", "born", "sees"),
    [
        (Viewer.YOUTH, PartialDate(2014, 6, 15), True),
        (Viewer.YOUTH, PartialDate(2014, 6, 16), False),
        (Viewer.PARENT, PartialDate(2010, 6, 16), True),
        (Viewer.PARENT, PartialDate(2010, 6, 15), False),
        (Viewer.YOUTH, None, False),
        (Viewer.PARENT, PartialDate(2010), False),
        (Viewer.NOBODY, PartialDate(2014, 1, 1), False),
    ],
)
def test_rights_change_on_the_birthday(viewer: Viewer, born: PartialDate | None, sees: bool) -> None:
    network, _ = _record(born, MOTHER)
    rights = rights_of(viewer, "RelatedPerson/moeder", network, TODAY)
    assert rights.network is sees
    assert not rights.edit
    assert not rights.private
