"""The grammar of scopes (App Launch 2.2, *FHIR resource scope syntax*)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_app.launch.scopes import Lack, describe, lacking, parse_scope
from smart_app.settings import DEFAULT_SCOPES

few = settings(max_examples=30)
ACTIONS = st.lists(st.sampled_from("cruds"), unique=True).map(lambda found: "".join(a for a in "cruds" if a in found))
SCOPES = st.builds(
    "{}/{}.{}".format,
    st.sampled_from(["patient", "user", "system"]),
    st.sampled_from(["*", "Patient", "RelatedPerson", "Consent"]),
    ACTIONS.filter(bool),
)


@pytest.mark.rule("scopes-grammar")
@pytest.mark.requirement("120", "121", "122", "124", "125", "132", "135", "137", "141", "143", "146")
@pytest.mark.parametrize(
    ("text", "context", "resource", "actions", "query"),
    [
        ("patient/Observation.rs", "patient", "Observation", "rs", ""),
        ("user/*.cruds", "user", "*", "cruds", ""),
        ("system/Patient.s", "system", "Patient", "s", ""),
        (
            "patient/Observation.rs?category=http://x|y&code=z",
            "patient",
            "Observation",
            "rs",
            "category=http://x|y&code=z",
        ),
        ("patient/Patient.read", "patient", "Patient", "rs", ""),
        ("patient/Patient.write", "patient", "Patient", "cud", ""),
        ("user/*.*", "user", "*", "cruds", ""),
    ],
)
def test_a_resource_scope_of_either_version_is_read(
    text: str, context: str, resource: str, actions: str, query: str
) -> None:
    scope = parse_scope(text)
    assert scope is not None
    assert (scope.context, scope.resource, scope.query) == (context, resource, query)
    assert scope.actions == frozenset(actions)


@pytest.mark.rule("scopes-other")
@pytest.mark.requirement("150", "151", "152", "156", "216")
@pytest.mark.parametrize(
    "text", ["launch", "launch/patient", "launch/relatedperson?role=friend", "openid", "fhirUser", "offline_access"]
)
def test_a_scope_about_something_else_is_legal_and_grants_no_resource(text: str) -> None:
    assert parse_scope(text) is None


@pytest.mark.rule("scopes-grammar")
@pytest.mark.parametrize(
    "text",
    ["patient/Patient.sr", "patient/Patient.", "patient/Patient", "patient/patient.r", "user/.r", "patient/Patient.rs?",
     "patient/Patient.rx", "a b", 'a"b', "a\\b", ""],
)  # fmt: skip
def test_a_scope_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"scope|form"):
        parse_scope(text)


@few
@given(st.lists(SCOPES))
def test_nothing_is_lacking_of_what_was_granted_as_asked(scopes: list[str]) -> None:
    assert lacking(scopes, scopes) == ()


@few
@given(st.lists(SCOPES), st.lists(SCOPES), st.lists(SCOPES))
def test_a_wider_grant_never_lacks_more(asked: list[str], granted: list[str], more: list[str]) -> None:
    def count(lacks: tuple[Lack, ...]) -> int:
        return sum(len(lack.actions) for lack in lacks)

    assert count(lacking(asked, granted + more)) <= count(lacking(asked, granted))


@few
@given(st.lists(SCOPES, min_size=1))
def test_without_any_grant_everything_lacks(asked: list[str]) -> None:
    assert len(lacking(asked, [])) == len(asked)


@pytest.mark.parametrize(
    ("granted", "lacks"),
    [
        ("patient/*.cruds", ""),
        ("user/RelatedPerson.cruds", ""),
        ("patient/RelatedPerson.rs", "cud"),
        ("patient/RelatedPerson.read", "cud"),
        ("patient/RelatedPerson.rs?active=true", "cruds"),
        ("patient/RelatedPerson.r patient/RelatedPerson.cus", "d"),
        ("patient/Nonsense.zz", "cruds"),
    ],
)
def test_what_lacks_is_told_by_letter(granted: str, lacks: str) -> None:
    found = lacking(["patient/RelatedPerson.cruds"], granted.split())
    assert "".join(lack.actions for lack in found) == lacks


def test_a_user_scope_is_not_replaced_by_a_patient_scope() -> None:
    assert lacking(["user/Patient.r"], ["patient/Patient.r"]) == (Lack(resource="Patient", actions="r"),)


@pytest.mark.rule("authorize-minimal")
@pytest.mark.requirement("37", "46", "148")
def test_the_app_asks_for_no_wildcard_and_for_no_removal_of_history() -> None:
    asked = [scope for scope in map(parse_scope, DEFAULT_SCOPES) if scope is not None]
    assert all(scope.context == "patient" and scope.resource != "*" for scope in asked)
    assert not next(scope for scope in asked if scope.resource == "Provenance").actions & set("ud")


def test_an_unforeseen_type_still_gets_a_sentence() -> None:
    assert "Device" in describe(Lack(resource="Device", actions="cud"), "nl")
    assert "Device" in describe(Lack(resource="Device", actions="rs"), "en")
