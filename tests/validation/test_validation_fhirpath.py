"""FHIRPath: the functions and operators that invariants use, and HL7's own suite where it is at hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir_plugin.packages import load_definitions
from fhir_plugin.validation.fhirpath import Environment, FhirPathError, Node, compile_expression
from fhir_plugin.validation.fhirpath.node import system_value
from fhir_plugin.validation.fhirpath.paths import unknown_elements
from fhir_plugin.validation.fhirpath.values import Moment

PERSON = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "name": [{"use": "official", "given": ["Kees", "Jan"], "family": "de Vries"}, {"given": ["Kees"]}],
    "birthDate": "1980-02-29",
    "_birthDate": {"extension": [{"url": "http://x", "valueCode": "c"}]},
    "multipleBirthInteger": 2,
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Zorg"}],
    "managingOrganization": {"reference": "#o"},
    "deceasedDateTime": "2020-05",
}


class Services:
    """Just enough surroundings to resolve contained resources."""

    def __init__(self, schema):
        self.schema = schema

    def resolve(self, reference):
        return Node.of_resource(self.schema, PERSON["contained"][0]) if reference == "#o" else None

    def conforms(self, node, canonical):
        return None if canonical == "http://trash" else canonical.endswith(f"/{node.type_name}")

    def member_of(self, node, value_set):
        return node.value == "official" if value_set == "http://vs" else None

    def narrative_ok(self, text):
        return "script" not in text


def run(schema, text, resource=PERSON):
    node = Node.of_resource(schema, resource)
    found = compile_expression(text)(Environment(schema, Services(schema), node, node), node)
    return [system_value(item) for item in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name.given", ["Kees", "Jan", "Kees"]),
        ("name.given.distinct().count()", [2]),
        ("name.where(use = 'official').given.first()", ["Kees"]),
        ("name.exists(use = 'nickname')", [False]),
        ("name.all(given.exists())", [True]),
        ("multipleBirth", [2]),
        ("multipleBirth is integer", [True]),
        ("deceased as boolean", []),
        ("multipleBirth.ofType(integer) + 1", [3]),
        ("birthDate.hasValue() and birthDate.extension('http://x').value = 'c'", [True]),
        ("birthDate < @1981", [True]),
        ("deceased < @2020-05-10", []),
        ("deceased > @2020-04-10", [True]),
        ("birthDate = @1980-02-29T10:00:00", []),
        ("@2020-01-31 + 1 month", [Moment("date", (2020, 2, 29), None, "2020-02-29")]),
        ("4 'kg' > 3999 'g'", [True]),
        ("1 week = 7 days", [True]),
        ("{}.empty() and {} = 1", []),
        ("{} or true", [True]),
        ("false implies {}", [True]),
        ("{} implies true", [True]),
        ("true xor {}", []),
        ("1 in (1 | 2)", [True]),
        ("(1 | 2 | 1).count()", [2]),
        ("1 + 2 * 3", [7]),
        ("7 div 2 + 7 mod 2", [4]),
        ("1 / 4", [Decimal("0.25")]),
        ("'a' & {} & 'b'", ["ab"]),
        ("-multipleBirth", [-2]),
        ("name.given.select($this.substring(0, 1)).join('')", ["KJK"]),
        ("name.given.select($index)", [0, 1, 2]),
        ("'abc'.matches('b')", [True]),
        ("'abc'.matches('^b$')", [False]),
        ("'a.b.c'.replaceMatches('\\\\..*', '')", ["a"]),
        ("managingOrganization.resolve().name", ["Zorg"]),
        ("managingOrganization.resolve().is(Organization)", [True]),
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", [True]),
        ("name.first().use.memberOf('http://vs')", [True]),
        ("iif(active, 'ja', 'nee')", ["ja"]),
        ("contained.descendants().where($this = 'Zorg').count()", [1]),
        ("name.given.repeat($this).count()", [2]),
        ("(1 | 2 | 3).aggregate($total + $this, 0)", [6]),
        ("%resource.id & %context.id", ["pp"]),
        ("%ucum", ["http://unitsofmeasure.org"]),
        ("name.given contains 'Jan'", [True]),
        ("'10'.toInteger() + '1.5'.toDecimal()", [Decimal("11.5")]),
        ("id is System.String", [False]),
        ("active.type().name", ["boolean"]),
        ("name[0].given[1]", ["Jan"]),
        ("1 'cm'.toString()", ["1 'cm'"]),
        ("name.given.tail().count() = name.given.skip(1).count()", [True]),
        ("name.first() = name.first()", [True]),
        ("'A  b' ~ 'a b'", [True]),
        ("(1|2).subsetOf(1|2|3) and (1|2).supersetOf(1)", [True]),
        ("(1|2).intersect(2|3) | (1|2).exclude(2)", [2, 1]),
        ("(1.5).round() + (1.4).ceiling() + (1.6).floor()", [Decimal(5)]),
    ],
)
def test_an_expression_yields(validator, text, expected):
    assert run(validator.engine.schema, text) == expected


@pytest.mark.parametrize(
    "text",
    ["name.given.single()", "1 + 'a'", "name.nope()", "1 +", "'a' > 1", "conformsTo('http://trash')", "%weg", "a b"],
)
def test_an_expression_without_an_answer_says_so(validator, text):
    with pytest.raises(FhirPathError):
        run(validator.engine.schema, text)


def test_an_invariant_that_yields_nothing_does_not_hold(validator):
    schema = validator.engine.schema
    node = Node.of_resource(schema, PERSON)
    assert compile_expression("photo.url").holds(Environment(schema, None, node, node), node) is False
    assert compile_expression("name.family").holds(Environment(schema, None, node, node), node) is True


@pytest.mark.parametrize(
    "expression",
    ["iif('a', 1, 2)", "(1 | 2).iif(true, 1, 2)", "Patient.name.as(HumanName)", "Patient.name.ofType(nothing)"],
)
def test_what_has_no_answer_says_so(validator, expression):
    schema = validator.engine.schema
    node = Node.of_resource(schema, {"resourceType": "Patient", "name": [{"text": "a"}, {"text": "b"}]})
    with pytest.raises(FhirPathError):
        compile_expression(expression)(Environment(schema, None, node, node), node)


@pytest.mark.parametrize(
    "expression",
    [
        "2.0 'cm' * 2.0 'm' = 0.040 'm2'",
        "4.0 'g' / 2.0 'm' = 2 'g/m'",
        "1 'km' > 999 'm'",
        "(Patient.id as String) = 'a'",
    ],
)
def test_quantities_and_types_as_invariants_of_r4_write_them(validator, expression):
    schema = validator.engine.schema
    node = Node.of_resource(schema, {"resourceType": "Patient", "id": "a"})
    assert compile_expression(expression)(Environment(schema, None, node, node), node) == [True]


@pytest.mark.parametrize(
    ("expression", "types", "expected"),
    [
        ("name.given1", ["Patient"], [("given1", "HumanName")]),
        ("Encounter.name", ["Patient"], [("Encounter", "Patient")]),
        ("valueQuantity.exists()", ["Observation"], [("valueQuantity", "Observation")]),
        ("(value as Period).unit", ["Observation"], [("unit", "Period")]),
        ("value.as(Period).start", ["Observation"], []),
        ("contact.where(phone.exists()).exists()", ["Patient"], [("phone", "Patient.contact")]),
        ("contact.all(telecom.exists() or $this.mail.empty())", ["Patient"], [("mail", "Patient.contact")]),
        ("name.select(given | surname)", ["Patient"], [("surname", "HumanName")]),
        ("name.given[nothing]", ["Patient"], [("nothing", "Patient")]),
        ("name.given.startsWith(first)", ["Patient"], [("first", "Patient")]),
        ("iif(active, birthday, name)", ["Patient"], [("birthday", "Patient")]),
        ("iif(active, birthDate, name).family", ["Patient"], []),
        ("extension('x').value.code.exists()", ["Patient"], []),
        ("extension('x').valueCode", ["Patient"], [("valueCode", "Extension")]),
        ("repeat(item).linkId", ["Questionnaire"], []),
        ("repeat(item).link", ["Questionnaire"], [("link", "Questionnaire.item")]),
        ("provision.provision.typo", ["Consent"], [("typo", "Consent.provision")]),
        ("birthDate.extension.exists() and birthDate.hour.empty()", ["Patient"], [("hour", "date")]),
        ("contained.whatever | managingOrganization.resolve().whatever", ["Patient"], []),
        ("entry.resource.ofType(Patient).surname", ["Bundle"], [("surname", "Patient")]),
        ("low.exists()", ["Range", "Quantity"], []),
        ("%resource.whatever.exists() and whatever.type().name = 'x'", ["Mine"], []),
        ("name.(", ["Patient"], []),
    ],
)
def test_a_path_that_leads_nowhere_is_known_before_it_is_evaluated(validator, expression, types, expected):
    assert list(unknown_elements(validator.engine.schema, expression, types)) == expected


def test_of_the_invariants_of_r4_two_are_about_elements_that_do_not_exist(validator):
    schema = validator.engine.schema
    found = {
        (constraint["key"], *unknown)
        for structure in load_definitions().resources("StructureDefinition")
        for element in structure.get("snapshot", {}).get("element", ())
        for constraint in element.get("constraint", ())
        for unknown in unknown_elements(
            schema,
            constraint.get("expression", ""),
            [element["path"]] if schema.element(element["path"]) else [one["code"] for one in element.get("type", ())],
        )
    }
    assert found == {
        ("cid-0", "name", "ChargeItemDefinition"),
        ("inv-1", "substanceExposureRisk", "Extension"),
        ("inv-1", "code", "Extension"),
    }
