"""Who is who: linked without asking only when it is certain; measured on a generated set with a known truth."""

from __future__ import annotations

import pytest
from sync_desk import Desk, row

from benchmarks.gold_set import gold_set, scored
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Identifier, PersonName, Telecom
from fhir_plugin.sync.matching.match import Found, agreeing_keys, match


def person(name: PersonName, phone: str = "", email: str = "", born: str = "", number: str = "") -> SupportFigure:
    telecoms = [Telecom(system="phone", value=phone)] if phone else []
    telecoms += [Telecom(system="email", value=email)] if email else []
    return SupportFigure(
        id=number,
        name=name,
        telecoms=tuple(telecoms),
        birth_date=PartialDate.parse(born) if born else None,
    )


ANNA = PersonName(given=("Anna",), own_prefix="van der", own_name="Berg")


@pytest.mark.parametrize(
    "other",
    [
        PersonName(initials=("A.",), own_prefix="van der", own_name="Berg"),
        PersonName(given=("Anna", "Maria"), own_prefix="Van der", own_name="Bérg", partner_name="Smit"),
        PersonName(call_name="Annie", own_prefix="van der", own_name="Berg"),
        PersonName(text="Anna van der Berg"),
    ],
)
def test_forms_of_one_name_agree_whatever_the_partner_is_called(other: PersonName) -> None:
    assert agreeing_keys(person(ANNA), person(other)) == ("name",)


@pytest.mark.parametrize(
    "other",
    [
        PersonName(given=("Anna",), own_name="Berg"),
        PersonName(given=("Karel",), own_prefix="van der", own_name="Berg"),
        PersonName(given=("Anna",), own_name="Smit", partner_prefix="van der", partner_name="Berg"),
        PersonName(),
    ],
)
def test_another_name_does_not_agree(other: PersonName) -> None:
    assert agreeing_keys(person(ANNA), person(other)) == ()


def test_one_strong_key_is_a_question_and_two_are_a_match() -> None:
    wanted = person(ANNA, phone="06-12345678")
    same_name = person(ANNA, number="1")
    both = person(ANNA, phone="+31612345678", number="2")
    assert match(wanted, (), [same_name]).found is Found.DOUBTFUL
    assert match(wanted, (), [both]).figure == both
    assert match(wanted, (), []).found is Found.NONE


def test_two_who_agree_equally_are_a_question() -> None:
    held = [person(ANNA, phone="06-12345678", number=number) for number in "12"]
    assert match(person(ANNA, phone="06-12345678"), (), held).found is Found.DOUBTFUL


def test_a_business_identifier_is_enough() -> None:
    mine = Identifier(system="https://jim.example.nl", value="7")
    held = SupportFigure(id="1", identifiers=(mine,), name=PersonName(text="iemand anders"))
    assert match(person(ANNA), (mine,), [held]).figure == held


def test_a_shared_telephone_and_address_do_not_make_two_people_one() -> None:
    wanted = person(ANNA, phone="020-5551234", email="fam@example.nl")
    partner = person(
        PersonName(given=("Karel",), own_name="Smit"), phone="020-5551234", email="fam@example.nl", number="1"
    )
    assert match(wanted, (), [partner]).found is Found.DOUBTFUL


def test_a_doubtful_pair_is_a_question_and_its_answer_is_followed(desk: Desk) -> None:
    contact = {
        "resourceType": "RelatedPerson",
        "id": "c1",
        "patient": {"reference": "Patient/p1001"},
        "name": [{"use": "official", "given": ["Samira"], "family": "Amrani"}],
    }
    desk.ehr.add(contact)
    plan = desk.plan([row(Mobiel="")])
    assert plan.totals["question"] == 1
    assert desk.apply()[0].state == "waits"
    desk.answer("RelatedPerson/c1")
    assert desk.apply()[0].state == "done"
    assert [figure["id"] for figure in desk.figures()] == ["c1"]
    assert "question" not in desk.plan([row(Mobiel="")]).totals


def test_a_contact_with_two_equal_keys_becomes_the_figure(desk: Desk) -> None:
    name = [{"use": "official", "given": ["Samira"], "family": "Amrani"}]
    phone = [{"system": "phone", "value": "06 1234 5601"}]
    desk.ehr.add(
        {
            "resourceType": "RelatedPerson",
            "id": "c1",
            "patient": {"reference": "Patient/p1001"},
            "name": name,
            "telecom": phone,
        }
    )
    desk.sync([row()])
    (figure,) = desk.figures()
    assert figure["id"] == "c1"
    assert figure["telecom"] == phone


def test_somebody_the_record_knows_as_a_parent_is_refused(desk: Desk) -> None:
    desk.plan([row(Voornaam="Fatima", Mobiel="06-12345699")])
    assert [problem.code for problem in desk.problems] == ["sync-is-parent"]


def test_on_a_gold_set_with_families_precision_is_999_and_recall_95_percent() -> None:
    scores = scored(gold_set(2000, seed=11))
    assert {"initials", "married name", "call name", "typing error in the name", "somebody new"} <= set(scores)
    assert scores["all"].precision >= 0.999
    assert scores["all"].recall >= 0.95


def test_the_same_own_name_for_somebody_is_a_question_because_it_may_be_all_that_is_known() -> None:
    known = SupportFigure(id="1", own_label="Oma Truus van hiernaast")
    assert match(SupportFigure(own_label="oma Truus van hiernaast"), (), [known]).found is Found.DOUBTFUL


JOHANNA = PersonName(given=("Johanna",), own_name="Bakker")


def test_a_call_name_alone_is_a_question_and_with_two_other_keys_a_match() -> None:
    hannie = PersonName(call_name="Hannie", own_name="Bakker")
    held = person(JOHANNA, phone="020-5551234", email="h@mail.example", number="1")
    assert agreeing_keys(person(hannie), held) == ("call-name",)
    assert match(person(hannie, phone="020-5551234"), (), [held]).found is Found.DOUBTFUL
    assert match(person(hannie, phone="020-5551234", email="h@mail.example"), (), [held]).figure == held


@pytest.mark.parametrize("first", ["Joost", "Jan", "Jolanda"])
def test_a_brother_or_sister_with_the_same_letter_and_telephone_is_never_taken_for_the_other(first: str) -> None:
    wanted = person(PersonName(given=(first,), own_name="Bakker"), phone="020-5551234")
    held = person(JOHANNA, phone="020-5551234", number="1")
    assert match(wanted, (), [held]).found is Found.DOUBTFUL


@pytest.mark.parametrize("first", ["J.", "Johana", "Jo", "Joahnna", "Johanna Maria", "Joke"])
def test_an_initial_a_short_form_and_one_slip_do_not_speak_against_it(first: str) -> None:
    wanted = person(PersonName(given=(first,), own_name="Bakker"), phone="020-5551234")
    held = person(JOHANNA, phone="020-5551234", number="1")
    assert match(wanted, (), [held]).figure == held
