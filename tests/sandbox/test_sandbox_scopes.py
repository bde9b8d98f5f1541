"""The grammar of SMART scopes, v2 and v1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_app.sandbox.auth.scopes import narrowed, parse_scope, resource_scopes


@pytest.mark.parametrize(
    ("text", "permissions"),
    [
        ("patient/Patient.rs", "rs"),
        ("user/*.cruds", "cruds"),
        ("system/Consent.c", "c"),
        ("patient/Observation.rs?category=social&code=tie", "rs"),
        ("patient/Patient.read", "rs"),
        ("patient/Patient.write", "cud"),
        ("patient/*.*", "cruds"),
    ],
)
def test_a_well_formed_scope_is_read(text, permissions):
    found = parse_scope(text)
    assert found is not None
    assert found.permissions == permissions


@pytest.mark.parametrize(
    "text",
    [
        "patient/Patient.sr",
        "patient/Patient.",
        "patient/Patient.rr",
        "patient/patient.r",
        "child/Patient.r",
        "openid",
        "patient/Patient.x",
        "patient/Patient",
        "Patient.r",
        "patient/Patient.read?a=b",
        "launch/patient",
        "patient/*.rs?",
    ],
)
def test_a_scope_out_of_order_or_unknown_is_none(text):
    assert parse_scope(text) is None


@pytest.mark.parametrize(
    ("requested", "allowed", "granted"),
    [
        ("launch openid", "launch openid fhirUser", "launch openid"),
        ("patient/Patient.rs", "patient/*.cruds", "patient/Patient.rs"),
        ("patient/*.cruds", "patient/*.rs", "patient/*.rs"),
        ("patient/*.cruds", "patient/*.rs patient/Task.cruds", "patient/*.rs patient/Task.cruds"),
        ("patient/*.cruds", "patient/Patient.rs patient/Task.c", "patient/Patient.rs patient/Task.c"),
        ("patient/Patient.read", "patient/Patient.rs", "patient/Patient.read"),
        ("patient/Patient.*", "patient/Patient.r", "patient/Patient.r"),
        ("user/Patient.rs", "patient/Patient.rs", ""),
        ("patient/Patient.rs?active=true", "patient/*.rs", "patient/Patient.rs?active=true"),
        ("patient/Patient.rs", "patient/Patient.rs?active=true", ""),
        ("something-else", "patient/*.rs", ""),
    ],
)
def test_scopes_are_narrowed_to_what_is_allowed(requested, allowed, granted):
    assert narrowed(requested, allowed) == granted


_SCOPE = st.builds(
    lambda level, kind, letters: f"{level}/{kind}.{''.join(c for c in 'cruds' if c in letters)}",
    st.sampled_from(["patient", "user", "system"]),
    st.sampled_from(["*", "Patient", "Consent", "Task"]),
    st.sets(st.sampled_from("cruds"), min_size=1),
)
_SCOPES = st.lists(_SCOPE, max_size=4).map(" ".join)


def _opens(scope: str) -> set[tuple[str, str, str]]:
    kinds = ("Patient", "Consent", "Task", "Observation")
    return {
        (item.level, kind, letter)
        for item in resource_scopes(scope)
        for kind in kinds
        for letter in "cruds"
        if item.covers(kind, letter)
    }


@given(_SCOPES, _SCOPES)
def test_narrowing_opens_exactly_what_both_sides_open(requested, allowed):
    assert _opens(narrowed(requested, allowed)) == _opens(requested) & _opens(allowed)
