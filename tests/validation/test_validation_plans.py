"""What is remembered of the shapes of objects: found out once, and bounded whatever is validated."""

from __future__ import annotations

from itertools import permutations

import pytest

from fhir_plugin.validation import Validator, plans
from fhir_plugin.validation.fhirpath.idle import Holds, holds_with


@pytest.fixture
def fresh():
    return Validator.load()


def test_a_shape_with_a_made_up_name_is_not_remembered(fresh):
    assert not fresh.validate({"resourceType": "Basic", "code": {"text": "a"}}).has_errors
    before = fresh.engine.base.shapes
    for number in range(20):
        report = fresh.validate({"resourceType": "Basic", "code": {"text": "a"}, f"x{number}": 1})
        assert [one.code for one in report.of("error")] == ["element-unknown"]
    assert fresh.engine.base.shapes == before


def test_no_more_shapes_are_remembered_than_fit_and_the_others_are_judged_the_same(fresh, monkeypatch):
    monkeypatch.setattr(plans, "_SHAPES", 5)
    names = ("given", "family", "use", "text")
    for order in permutations(names):
        name = {one: {"given": ["A"], "use": "offical"}.get(one, "a") for one in order}
        report = fresh.validate({"resourceType": "Patient", "name": [name]})
        assert [one.code for one in report.of("error")] == ["binding-required"]
    assert fresh.engine.base.shapes == 5


class CountedRule:
    """An invariant that notes when it is asked whether it cannot but hold."""

    def __init__(self, holds):
        self.holds = holds
        self.asked = 0
        self.applied = 0

    def holds_with(self, _schema, _names):
        self.asked += 1
        return self.holds

    def apply(self, _value, _extra, _path, _scope):
        self.applied += 1


@pytest.mark.parametrize(("holds", "applied"), [(Holds.ALWAYS, 0), (Holds.IF_SOUND, 3), (Holds.OPEN, 3)])
def test_it_is_found_out_once_of_a_shape_whether_an_invariant_of_an_element_cannot_but_hold(holds, applied):
    rule = CountedRule(holds)
    (check,) = plans.together([rule], None)
    for _ in range(3):
        check({"system": "a", "code": "b"}, None, (None, "x", None), None)
    assert (rule.asked, rule.applied) == (1, applied)


def test_no_more_shapes_are_remembered_of_the_invariants_of_an_element_than_fit(monkeypatch):
    monkeypatch.setattr(plans, "_SHAPES_OF_RULES", 2)
    rule = CountedRule(Holds.ALWAYS)
    (check,) = plans.together([rule], None)
    for name in ("a", "b", "c", "a", "c"):
        check({name: 1}, None, (None, "x", None), None)
    assert rule.asked == 4


@pytest.mark.parametrize(
    ("names", "expected"),
    [((), Holds.ALWAYS), (("gender",), Holds.ALWAYS), (("birthDate",), Holds.OPEN), (("_birthDate",), Holds.OPEN)],
)
def test_an_element_that_has_only_extensions_is_there_to_an_invariant(validator, names, expected):
    assert holds_with(validator.engine.schema, "birthDate.empty()", "Patient", names) is expected
