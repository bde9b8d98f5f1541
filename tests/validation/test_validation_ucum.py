"""UCUM: which codes are units, and what they come to."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir_plugin.validation.fhirpath.values import Quantity, compare_quantities
from fhir_plugin.validation.ucum import is_unit, measure


@pytest.mark.parametrize(
    "code", ["1", "%", "kg", "mm[Hg]", "10*3/uL", "10^3", "/min", "{score}", "mL/min/{1.73_m2}", "kg/m2",
             "Cel", "[degF]", "mg/(24.h)", "U/(10.g){feces}",
             "[arb'U]/mL", "m/s2", "g/kg/(8.h){shift}", "{eenheden per dag}", "10*-3"]
)  # fmt: skip
def test_units_of_ucum_are_known(code):
    assert is_unit(code)


@pytest.mark.parametrize(
    "code", ["", "mcg", "IU", "fmm[Hg]", "Kg", "drop", "//m", "m2.", "(m", "m)", "55233-1", "{a",
             "m" * 300, "(" * 100, "kilo"]
)  # fmt: skip
def test_what_is_no_unit_is_refused(code):
    assert not is_unit(code)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 kg", "1000 g"),
        ("1 L", "1000 mL"),
        ("1 [in_i]", "2.54 cm"),
        ("1 h", "3600 s"),
        ("1 N", "1 kg.m/s2"),
        ("1 year", "12 months"),
    ],
)
def test_the_same_amount_in_other_units_is_the_same(one, other):
    def quantity(text):
        value, unit = text.split(" ")
        return Quantity(Decimal(value), unit)

    assert compare_quantities(quantity(one), quantity(other)) == 0


def test_amounts_of_another_kind_do_not_compare():
    assert compare_quantities(Quantity(Decimal(1), "kg"), Quantity(Decimal(1), "m")) is None
    assert measure("Cel").dimensions != measure("K").dimensions


def test_a_quantity_with_a_code_that_is_no_unit_is_an_error(validator):
    body = {"resourceType": "Observation", "status": "final", "code": {"text": "a"},
            "valueQuantity": {"value": 1, "system": "http://unitsofmeasure.org", "code": "kilo"}}  # fmt: skip
    assert [(one.code, one.expression) for one in validator.validate(body).of("error")] == [
        ("code-unknown", "Observation.value.ofType(Quantity)")
    ]
