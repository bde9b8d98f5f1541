"""Who must sign is data with the law beside it, chosen and versioned."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from consent_cases import POLICY, consent, decided, facts_of, request_of, standard_facts, standard_request, table

from fhir_plugin.consent import Facts, Signer, decide, load_policy, required_grantors
from fhir_plugin.consent import facts_of as facts_of_network
from fhir_plugin.errors import InputError, UsageError
from fhir_plugin.mapping.consent import consents_from_fhir
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.figure import Engagement, SupportFigure
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.network import Child, Person, Standing, SupportNetwork, Team
from fhir_plugin.model.terms import ROL_VEKTIS, AgeBasis

NOON = datetime.fromisoformat("2026-06-15T12:00:00+02:00")


def required(at: str = "2026-06-15T12:00:00+02:00", **facts: Any) -> Any:
    return required_grantors(facts_of(standard_facts(**facts)), POLICY, datetime.fromisoformat(at))


@pytest.mark.parametrize(
    ("born", "at", "basis", "who"),
    [
        ("2014-06-15", "2026-06-14T23:59:59+02:00", AgeBasis.UNDER_12, ["mother"]),
        ("2014-06-15", "2026-06-15T00:00:00+02:00", AgeBasis.FROM_12_TO_15, ["mother", "child"]),
        ("2014-06-15", "2026-06-14T22:00:00+00:00", AgeBasis.FROM_12_TO_15, ["mother", "child"]),
        ("2010-06-16", "2026-06-15T23:59:59+02:00", AgeBasis.FROM_12_TO_15, ["mother", "child"]),
        ("2010-06-15", "2026-06-15T00:00:00+02:00", AgeBasis.FROM_16, ["child"]),
        ("2008-06-15", "2026-06-15T00:00:00+02:00", AgeBasis.FROM_16, ["child"]),
        ("2012-02-29", "2028-02-28T23:59:59+01:00", AgeBasis.FROM_12_TO_15, ["mother", "child"]),
        ("2012-02-29", "2028-02-29T00:00:00+01:00", AgeBasis.FROM_16, ["child"]),
        ("2011-02-28", "2027-02-28T00:00:00+01:00", AgeBasis.FROM_16, ["child"]),
        ("2014", "2026-01-01T00:00:00+01:00", None, []),
        ("2013", "2026-01-01T00:00:00+01:00", AgeBasis.FROM_12_TO_15, ["mother", "child"]),
    ],
)
def test_who_must_sign_changes_at_midnight_in_the_netherlands(
    born: str, at: str, basis: AgeBasis | None, who: list[str]
) -> None:
    found = required(at, child_born=born)

    assert found.age_basis == basis
    assert [reference.partition("/")[2] for reference in found.references] == who


def test_29_february_turns_sixteen_on_1_march_of_a_common_year() -> None:
    by_eighteen = replace(POLICY, bands=(POLICY.bands[0], replace(POLICY.bands[3], from_age=14)))
    facts = facts_of(standard_facts(child_born="2012-02-29"))

    last = required_grantors(facts, by_eighteen, datetime.fromisoformat("2026-02-28T23:59:59+01:00"))
    first = required_grantors(facts, by_eighteen, datetime.fromisoformat("2026-03-01T00:00:00+01:00"))
    assert (last.age_basis, first.age_basis) == (AgeBasis.UNDER_12, AgeBasis.FROM_16)


def test_a_requirement_explains_itself() -> None:
    found = required(child_born="2013-01-20")

    assert [grantor.signer for grantor in found.grantors] == [Signer.AUTHORITY, Signer.YOUTH]
    assert found.policy == "nl-jeugdwet 2026.1"
    assert "Jeugdwet art. 7.3.5" in found.articles
    assert found.gap == ""


@pytest.mark.parametrize(
    ("facts", "gap"),
    [
        ({"child_born": None}, "consent-age-unknown"),
        ({"child_born": "2030-01-01"}, "consent-age-unknown"),
        ({"authority": []}, "consent-authority-unknown"),
        ({"authority": [{"who": "mother", "until": "2026-06-14"}]}, "consent-authority-unknown"),
        ({"child_born": "2013-01-20", "authority": []}, "consent-authority-unknown"),
        ({"child_born": "2009-01-20", "authority": []}, ""),
    ],
    ids=str,
)
def test_what_keeps_the_requirement_from_being_known_is_named(facts: dict[str, Any], gap: str) -> None:
    assert required(**facts).gap == gap


def test_the_alternative_reading_of_12_to_15_can_be_chosen_and_is_named_in_every_decision() -> None:
    youth_alone = load_policy(choose={"third-party-12-15": "youth-alone"})
    case = next(case for case in table() if case.name == "age 13, youth only→D")

    assert not decided(case)
    assert decided(case, youth_alone).policy == "nl-jeugdwet 2026.1 third-party-12-15=youth-alone"
    assert decided(case, youth_alone)


def test_an_unknown_policy_alternative_or_option_is_wrong_usage() -> None:
    for arguments in (("no-such-policy", {}), ("nl-jeugdwet", {"x": "y"}), ("nl-jeugdwet", {"third-party-12-15": "y"})):
        with pytest.raises(UsageError):
            load_policy(arguments[0], choose=arguments[1])


def test_a_policy_of_ones_own_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'id = "mine"\nversion = "1"\nsource = "urn:law"\n'
        '[[bands]]\nfrom = 0\nbasis = "16-plus"\nsigners = ["youth"]\narticles = ["mine"]\n',
        encoding="utf-8",
    )
    answer = decide(
        request_of(standard_request()),
        consents_from_fhir([consent(by=["child"])]),
        facts_of(standard_facts()),
        load_policy(file),
    )

    assert answer
    assert answer.policy == "mine 1"


HEADER = 'id = "x"\nversion = "1"\nsource = "s"\n'


def band(age: int, basis: str, signers: str) -> str:
    return f'{HEADER}[[bands]]\nfrom = {age}\nbasis = "{basis}"\nsigners = {signers}\narticles = []\n'


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "id = 1",
        "bands = 3",
        f"{HEADER}bands = []",
        band(3, "16-plus", '["youth"]'),
        band(0, "16-plus", "[]"),
        band(0, "old", '["youth"]'),
        band(0, "16-plus", '["neighbour"]'),
    ],
)
def test_a_file_that_is_no_policy_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(InputError):
        load_policy(file)


def network(**figure: Any) -> SupportNetwork:
    return SupportNetwork(
        child=Child(id="child", birth_date=PartialDate.parse("2017-01-20")),
        figures=(SupportFigure(id="aunt", **figure),),
        people=(
            Person(ref=Ref(reference="RelatedPerson/mother"), standing=Standing.PARENT, holds_authority=True),
            Person(ref=Ref(reference="RelatedPerson/father"), standing=Standing.PARENT),
            Person(
                ref=Ref(reference="RelatedPerson/former"), standing=Standing.LEGAL, holds_authority=True, active=False
            ),
        ),
        team=Team(id="team", period=Period(end=PartialDate.parse("2026-12"))),
    )


def test_the_facts_of_a_network_are_its_child_its_authority_holders_and_the_standing_of_the_figure() -> None:
    since = Period(start=PartialDate.parse("2026-02"))
    facts = facts_of_network(network(engagement=Engagement(period=since)), "aunt")

    assert isinstance(facts, Facts)
    assert [each.holder.reference for each in facts.authority] == ["RelatedPerson/mother"]
    assert facts.figure is not None
    (membership,) = facts.figure.teams
    assert membership.team == Ref(reference="CareTeam/team")
    assert membership.period == Period(start=PartialDate.parse("2026-02"), end=PartialDate.parse("2026-12"))


def test_a_citizen_guardian_holds_authority_and_is_a_support_figure_too() -> None:
    guardian = network(roles=(Coding(system=ROL_VEKTIS, code="11"),))
    holders = [each.holder.reference for each in facts_of_network(guardian).authority]

    assert holders == ["RelatedPerson/mother", "RelatedPerson/aunt"]


def test_somebody_who_is_no_figure_has_no_standing_and_nothing_is_permitted() -> None:
    facts = facts_of_network(network(), "stranger")

    assert facts.figure is None
    assert not decide(request_of(standard_request()), consents_from_fhir([consent()]), facts, POLICY)


@pytest.mark.parametrize("status", ["proposed", "suspended", "inactive", "entered-in-error", ""])
def test_who_is_in_a_team_that_is_not_active_is_in_no_team(status: str) -> None:
    engaged = network(engagement=Engagement())
    facts = facts_of_network(replace(engaged, team=Team(id="team", status=status)), "aunt")

    assert facts.figure is not None
    assert facts.figure.teams == ()


def test_a_figure_without_engagement_is_in_no_team() -> None:
    facts = facts_of_network(network(), "aunt")

    assert facts.figure is not None
    assert facts.figure.teams == ()
    assert decide(request_of(standard_request()), consents_from_fhir([consent()]), facts, POLICY)
