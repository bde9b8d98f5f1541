"""Native invariants say what FHIRPath says."""

from __future__ import annotations

import json
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.validation.fhirpath import Environment, FhirPathError, Node, compile_expression
from fhir_plugin.validation.fhirpath.direct import Unclear, direct
from fhir_plugin.validation.fhirpath.idle import Holds, holds_with
from fhir_plugin.validation.native import NATIVE
from fhir_plugin.validation.patches import PATCHES
from fhir_plugin.validation.rules import Rule
from fhir_plugin.validation.scope import Scope

DATES = st.sampled_from(["2020", "2021-05", "2021-05-04", "2021-05-04T10:00:00Z", "2021-05-04T10:00:00+02:00", "2022"])
CODING = st.fixed_dictionaries(
    {}, optional={"system": st.sampled_from(["something", "x"]), "code": st.sampled_from(["adr", "y"])}
)
CONTAINED = st.fixed_dictionaries(
    {"resourceType": st.just("Patient"), "id": st.sampled_from(["a", "b"])},
    optional={
        "meta": st.fixed_dictionaries({}, optional={"versionId": st.just("1"), "security": st.just([{"code": "R"}])}),
        "contained": st.just([{"resourceType": "Patient", "id": "c"}]),
    },
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "fullUrl": st.sampled_from(["urn:a", "urn:b", "http://x/Patient/1/_history/2"]),
        "resource": st.builds(lambda v: {"resourceType": "Patient", "meta": {"versionId": v}}, st.sampled_from("12")),
        "request": st.just({"method": "GET", "url": "Patient"}),
        "search": st.just({"mode": "match"}),
    },
)
CONCEPT = st.builds(lambda codings: {"coding": codings}, st.lists(CODING, max_size=2))
UNIQUE_ID = st.fixed_dictionaries(
    {}, optional={"type": st.sampled_from(["uuid", "oid", "uri"]), "preferred": st.booleans()}
)
NOTHING = {"extension": [{"url": "http://x", "valueCode": "unknown"}]}
ELEMENTS = {
    "Extension": {
        "url": st.just("http://x"), "valueString": st.just("a"), "extension": st.just([{"url": "b"}]),
        "_valueCode": st.just(NOTHING),
    },
    "Period": {"start": DATES, "end": DATES, "_start": st.just(NOTHING)},
    "Reference": {"reference": st.sampled_from(["#a", "#b", "#", "Patient/1"]), "display": st.just("x")},
    "ContactPoint": {"system": st.just("phone"), "value": st.just("1"), "_value": st.just(NOTHING)},
    "Quantity": {"code": st.just("kg"), "system": st.just("http://unitsofmeasure.org"), "_code": st.just(NOTHING)},
    "Attachment": {"data": st.just("AAAA"), "contentType": st.just("text/plain")},
    "Patient": {"contained": st.lists(CONTAINED, max_size=2), "text": st.just({"div": "<div/>"})},
    "Patient.contact": {
        "telecom": st.just([{"value": "x"}]),
        **{name: st.just({"id": "x", "text": "x"}) for name in ("name", "address", "organization")},
    },
    "Observation": {
        "dataAbsentReason": st.just({"text": "x"}), "valueString": st.just("x"), "_valueString": st.just(NOTHING),
        "code": CONCEPT, "component": st.lists(st.builds(lambda code: {"code": code}, CONCEPT), max_size=2),
    },
    "Observation.referenceRange": {"low": st.just({"value": 1}), "text": st.just("x")},
    "Consent": {
        "policy": st.just([{"uri": "urn:x"}]), "policyRule": st.just({"text": "x"}),
        "patient": st.just({"display": "x"}), "scope": st.builds(lambda c: {"coding": c}, st.lists(CODING, max_size=2)),
    },
    "Bundle": {
        "type": st.sampled_from(["history", "batch", "searchset"]), "total": st.just(1), "_total": st.just(NOTHING),
        "entry": st.lists(ENTRY, min_size=1, max_size=3),
    },
    "NamingSystem": {
        "name": st.sampled_from(["Name", "name", "a b", "N" * 256, "Name\n"]), "_name": st.just(NOTHING),
        "kind": st.sampled_from(["root", "codesystem"]), "_kind": st.just(NOTHING),
        "uniqueId": st.lists(UNIQUE_ID, max_size=3),
    },
    "Bundle.entry": {
        "fullUrl": st.sampled_from(["urn:a", "http://x/Patient/1/_history/2"]), "resource": CONTAINED,
        "response": st.just({"status": "200"}),
    },
}  # fmt: skip


def keys_with(schema, expression):
    """Type keys whose definition carries an expression."""
    return [
        key
        for key in ELEMENTS
        if any(raw.get("expression") == expression for raw in schema.element(key).raw.get("constraint", ()))
    ]


@pytest.mark.parametrize("expression", NATIVE)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_native_invariant_equals_the_interpreted_one(validator, expression, data):
    schema = validator.engine.schema
    key = data.draw(st.sampled_from(keys_with(schema, expression)))
    value = data.draw(st.fixed_dictionaries({}, optional=ELEMENTS[key]))
    if "." not in key and schema.kind(key) == "resource":
        value = {"resourceType": key, **value}
    root = (
        value
        if "resourceType" in value
        else {"resourceType": "Patient", "contained": [{"resourceType": "Patient", "id": "a"}]}
    )
    scope = Scope(validator.engine, [], root, (None, "x", None))
    node = Node(schema, value, key)
    env = Environment(schema, validator.engine.services(scope), scope.resource_node(), scope.resource_node())
    interpreted = compile_expression(PATCHES.get(expression, expression)).holds(env, node)
    assert NATIVE[expression](value, None, scope) is interpreted, json.dumps(value)


def invariants_of_r4(definitions):
    """Type key and expression of every constraint on a base type or on an element with children of its own."""
    for url in definitions._base.urls("StructureDefinition"):
        structure = definitions.structure(url)
        if structure.get("derivation") == "constraint":
            continue
        paths = {element["path"] for element in structure["snapshot"]["element"]}
        parents = {path.rpartition(".")[0] for path in paths}
        for element in structure["snapshot"]["element"]:
            if element["path"] in parents:
                for raw in element.get("constraint", ()):
                    yield element["path"], str(raw.get("expression"))


FILLINGS = {"boolean": True, "integer": 2, "positiveInt": 2, "unsignedInt": 2, "decimal": 1.5, "date": "2020-01-01"}


def test_an_invariant_holds_wherever_the_names_of_the_properties_say_so(validator):
    schema, chance = validator.engine.schema, random.Random(3)
    seen = dict.fromkeys(Holds, 0)
    for key, published in sorted(set(invariants_of_r4(validator.engine.definitions._definitions))):
        expression = PATCHES.get(published, published)
        fields = [spec for spec in schema.fields(key).values() if spec.name not in ("contained", "extension")]
        words = set(re.findall(r"[A-Za-z]+", expression))
        telling = [spec for spec in fields if spec.name in words]
        for _ in range(12):
            value = {
                spec.json_name: [filled] if spec.is_list else filled
                for spec in chance.sample(telling, chance.randrange(len(telling) + 1))
                for filled in [FILLINGS.get(spec.type_key, "x") if spec.is_primitive else {"id": "x"}]
            }
            holds = holds_with(schema, expression, key, tuple(value))
            seen[holds] += 1
            if holds is not Holds.OPEN:
                assert interpreted(validator, expression, key, value) is True, (key, expression, value)
    assert min(seen.values()) > 300


def test_what_is_read_off_an_object_is_what_the_interpreter_says(validator):
    schema, chance = validator.engine.schema, random.Random(4)
    read = 0
    for key, published in sorted(set(invariants_of_r4(validator.engine.definitions._definitions))):
        expression = PATCHES.get(published, published)
        reader = direct(schema, expression, key)
        words = set(re.findall(r"[A-Za-z]+", expression))
        telling = [spec for spec in schema.fields(key).values() if spec.name in words]
        literals = re.findall(r"'([^']*)'", expression) or ["x"]
        for _ in range(12 if reader else 0):
            value = {"id": "x"}
            for spec in chance.sample(telling, chance.randrange(len(telling) + 1)):
                filled = (
                    FILLINGS.get(spec.type_key, chance.choice([*literals, "x"])) if spec.is_primitive else {"id": "y"}
                )
                value[spec.json_name] = [filled] if spec.is_list else filled
                if spec.is_primitive and not spec.is_list and chance.random() < 0.1:
                    value[f"_{spec.json_name}"] = NOTHING
                    if chance.random() < 0.5:
                        del value[spec.json_name]
            try:
                answer = reader(value) is True
            except Unclear:
                continue
            scope = Scope(validator.engine, [], {"resourceType": "Basic"}, (None, "x", None))
            env = Environment(schema, validator.engine.services(scope), scope.resource_node(), scope.resource_node())
            assert compile_expression(expression).holds(env, Node(schema, value, key)) is answer, (expression, value)
            read += 1
    assert read > 1000


WRONG = (None, [], {}, "", "x", 1, True, [None], [[]], [{}], ["x", None], {"id": "x"}, [{"id": "x"}, "x"], [1, {}])
"""What may stand where something else is due."""


def interpreted(validator, expression, key, value):
    """True, False, or the name of the error in which the interpreter ends."""
    schema = validator.engine.schema
    scope = Scope(validator.engine, [], {"resourceType": "Basic"}, (None, "x", None))
    env = Environment(schema, validator.engine.services(scope), scope.resource_node(), scope.resource_node())
    try:
        return compile_expression(expression).holds(env, Node(schema, value, key))
    except (FhirPathError, TypeError, AttributeError, KeyError, ValueError) as error:
        return type(error).__name__


def test_of_wrong_shapes_a_shortcut_says_what_the_interpreter_says(validator):
    schema, chance = validator.engine.schema, random.Random(5)
    read = idle = 0
    for key, published in sorted(set(invariants_of_r4(validator.engine.definitions._definitions))):
        expression = PATCHES.get(published, published)
        reader = direct(schema, expression, key)
        words = set(re.findall(r"[A-Za-z]+", expression))
        telling = [spec for spec in schema.fields(key).values() if spec.name in words]
        for _ in range(25):
            value = {"id": "x"}
            for spec in chance.sample(telling, chance.randrange(len(telling) + 1)):
                value[spec.json_name] = chance.choice(WRONG)
                if spec.is_primitive and chance.random() < 0.3:
                    value[f"_{spec.json_name}"] = chance.choice([*WRONG, NOTHING, [NOTHING]])
            said = interpreted(validator, expression, key, value)
            if holds_with(schema, expression, key, tuple(value)) is Holds.ALWAYS:
                assert said is True, (key, expression, value)
                idle += 1
            try:
                answer = reader(value) is True if reader else said
            except Unclear:
                continue
            assert answer is said, (key, expression, value)
            read += reader is not None
    assert read > 1000
    assert idle > 1000


@pytest.mark.parametrize("expression", NATIVE)
def test_of_wrong_shapes_a_native_invariant_loses_no_error(validator, expression):
    """It may say nothing where the interpreter does, but only of what the walk finds wrong itself."""
    schema, chance = validator.engine.schema, random.Random(6)
    for key in keys_with(schema, expression):
        names = [name for name in ELEMENTS[key] if not name.startswith("_")]
        for _ in range(60):
            value = {name: chance.choice(WRONG) for name in chance.sample(names, chance.randrange(1, len(names) + 1))}
            root = {"resourceType": key, **value} if "." not in key and schema.kind(key) == "resource" else value
            scope = Scope(validator.engine, [], {"resourceType": "Basic"}, (None, "x", None))
            try:
                answer = NATIVE[expression](root, None, scope)
            except (TypeError, AttributeError, KeyError, ValueError):
                answer = None
            if answer is interpreted(validator, PATCHES.get(expression, expression), key, root):
                continue
            validator.engine.base.check(key)(root, None, scope.path, scope)
            assert any(one.severity == "error" for one in scope.findings), (answer, root)


def test_an_equation_with_several_literals_is_left_to_the_interpreter(validator):
    for operator, reads in (("=", False), ("!=", False), ("in", True)):
        assert bool(direct(validator.engine.schema, f"gender {operator} ('male' | 'female')", "Patient")) is reads


@pytest.mark.parametrize("expression", ["name.empty() or name.unheardOf()", "gender.exists() or unheardOf()"])
@pytest.mark.parametrize("value", [{"gender": "male"}, {"name": [{"text": "x"}]}, {"id": "x"}])
def test_an_invariant_that_cannot_run_is_undecided_whatever_the_element_holds(validator, expression, value):
    rule = Rule({"key": "x-1", "expression": expression}, "Patient", "http://x")
    scope = Scope(validator.engine, [], {"resourceType": "Patient", **value}, (None, "Patient", None))
    rule.apply(scope.resource, None, scope.path, scope)
    assert [one.code for one in scope.findings] == ["invariant-undecided"]


def test_an_invariant_on_what_must_be_there_is_never_taken_for_granted(validator):
    schema = validator.engine.schema
    for expression in ("name.exists()", "%resource.id.exists()", "name.exists() or %resource.id = 'x'", "Patient.name"):
        assert holds_with(schema, expression, "Patient", ("id", "gender")) is Holds.OPEN
    assert holds_with(schema, "name.empty() or gender.exists()", "Patient", ("id", "_gender")) is Holds.ALWAYS
    assert holds_with(schema, "name.empty() or gender.exists()", "Patient", ("name", "_gender")) is Holds.OPEN
    assert holds_with(schema, "name.empty() or gender.exists()", "Patient", ("name", "gender")) is Holds.IF_SOUND


@pytest.mark.parametrize("name", [None, [], [None], "x"])
def test_a_property_that_holds_nothing_is_no_property_to_an_invariant(validator, name):
    """``pat-1``: a contact has a name, an address, a phone number or an organization."""
    contact = {"name": name} if name is None or name == "x" else {"telecom": name}
    found = validator.validate({"resourceType": "Patient", "contact": [contact]})
    assert "pat-1" in [one.code for one in found]


def test_every_expression_of_r4_and_of_our_profiles_can_be_read(validator):
    definitions = validator.engine.definitions._definitions
    texts = {
        raw["expression"]
        for structure in definitions.resources("StructureDefinition")
        for part in ("snapshot", "differential")
        for element in structure.get(part, {}).get("element", ())
        for raw in element.get("constraint", ())
        if raw.get("expression")
    }
    assert len(texts) > 150
    for text in texts:
        compile_expression(PATCHES.get(text, text))
