"""Access follows consent: what opens it asks for one, and what ends the consent, the bond or the sharing ends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from consent_cases import POLICY, consent

from fhir_plugin.consent import Ask, access_permit, newly_opened, unpermitted, without_lapsed_access
from fhir_plugin.mapping.consent import consents_from_fhir
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.figure import Engagement, SupportFigure
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.network import Child, Person, Standing, SupportNetwork, Team
from fhir_plugin.model.safety import SafetyBlock
from fhir_plugin.model.terms import SNOMED

NOON = datetime.fromisoformat("2026-06-15T12:00:00+02:00")
CARER, BUDDY = Coding(system=SNOMED, code="407542009"), Coding(system=SNOMED, code="62071000")
MOTHER = Person(ref=Ref(reference="RelatedPerson/mother"), standing=Standing.PARENT, holds_authority=True)


def aunt(*roles: Coding, until: str = "", **more: Any) -> SupportFigure:
    end = PartialDate.parse(until) if until else None
    return SupportFigure(id="aunt", engagement=Engagement(access_roles=roles, period=Period(end=end)), **more)


def network(figure: SupportFigure, *consents: dict[str, Any], **more: Any) -> SupportNetwork:
    return SupportNetwork(
        child=Child(id="child", birth_date=PartialDate(2017, 1, 20)),
        figures=(figure,),
        people=(MOTHER,),
        team=Team(id="team"),
        consents=tuple(consents_from_fhir(list(consents))),
        **more,
    )


def roles_after(before: SupportNetwork, after: SupportNetwork) -> tuple[Coding, ...]:
    (figure,) = without_lapsed_access(before, after, POLICY, NOON).figures
    return figure.engagement.access_roles if figure.engagement else ()


@pytest.mark.parametrize(
    ("before", "after", "opens"),
    [
        (aunt(), aunt(CARER), True),
        (aunt(BUDDY), aunt(BUDDY, CARER), True),
        (aunt(CARER, until="2026-07"), aunt(CARER, until="2026-08"), True),
        (aunt(CARER, until="2026-07"), aunt(CARER), True),
        (aunt(CARER), aunt(CARER), False),
        (aunt(CARER), aunt(CARER, until="2026-07"), False),
        (aunt(CARER, until="2026-07"), aunt(CARER, until="2026-06-30"), False),
        (aunt(CARER, BUDDY), aunt(CARER), False),
        (aunt(until="2026-07"), aunt(), False),
    ],
)
def test_a_new_role_or_a_longer_one_opens_access(before: SupportFigure, after: SupportFigure, opens: bool) -> None:
    assert bool(newly_opened(network(before), network(after))) is opens


def test_somebody_new_with_a_role_is_given_access() -> None:
    assert newly_opened(replace(network(aunt()), figures=()), network(aunt(CARER)))


def test_one_kind_of_information_for_the_family_or_the_network_is_enough() -> None:
    for words in ({"code": ["school"]}, {"code": ["health"], "purpose": ["SUPNWK"]}, {"purpose": ["FAMRQT"]}):
        assert isinstance(access_permit(network(aunt(), consent(**words)), aunt(), POLICY, NOON), Ask)
    assert access_permit(network(aunt(), consent(purpose=["TREAT"])), aunt(), POLICY, NOON) == "consent-no-permit"


def test_what_a_consent_for_somebody_else_is_for_hides_no_purpose() -> None:
    theirs = consent(to=["uncle"], purpose=["SUPNWK"])
    assert isinstance(access_permit(network(aunt(), theirs, consent(1, purpose=["FAMRQT"])), aunt(), POLICY, NOON), Ask)


def test_withdrawing_the_consent_takes_the_role_in_the_same_change() -> None:
    before = network(aunt(CARER), consent())

    assert roles_after(before, network(aunt(CARER), consent(status="inactive"))) == ()
    assert roles_after(before, network(aunt(CARER, active=False), consent())) == ()
    assert roles_after(before, network(aunt(CARER), consent())) == (CARER,)


def test_a_role_without_a_consent_before_the_change_is_left_to_people_and_told() -> None:
    before = network(aunt(CARER))

    assert roles_after(before, replace(before, team=Team(id="team", name="Team"))) == (CARER,)
    assert [figure.id for figure in unpermitted(before, POLICY, NOON)] == ["aunt"]


def test_a_safety_block_takes_every_role_whoever_gave_it() -> None:
    block = (SafetyBlock(id="urn:uuid:1"),)

    for consents in ((), (consent(),)):
        before = network(aunt(CARER, BUDDY), *consents)
        assert roles_after(before, replace(before, safety_blocks=block)) == ()
    lifted = (replace(block[0], active=False),)
    assert roles_after(network(aunt(CARER)), network(aunt(CARER), safety_blocks=lifted)) == (CARER,)
