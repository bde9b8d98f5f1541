"""HL7's own FHIRPath tests for R4, of every function that an invariant of R4 uses.

What is invalid there is refused here before it is evaluated or when it is. ``FHIR_TEST_CASES`` names a checkout of
FHIR/fhir-test-cases.
"""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fhir_plugin.packages import load_definitions
from fhir_plugin.validation import Validator
from fhir_plugin.validation.fhirpath import Environment, FhirPathError, Node, compile_expression
from fhir_plugin.validation.fhirpath.paths import unknown_elements
from fhir_plugin.validation.fhirpath.values import Moment, Quantity
from fhir_plugin.validation.parsing import parse

pytestmark = pytest.mark.peer

HOME = Path(os.environ.get("FHIR_TEST_CASES", "/nowhere"))
TESTS = HOME / "r4" / "fhirpath" / "tests-fhir-r4.xml"
CALL = re.compile(r"\b([a-zA-Z]+)\(")


@pytest.fixture(scope="module")
def schema():
    return Validator.load().engine.schema


def functions_of_invariants():
    used = set()
    for structure in load_definitions(own=False).resources("StructureDefinition"):
        for element in structure.get("snapshot", {}).get("element", ()):
            for constraint in element.get("constraint", ()):
                used |= set(CALL.findall(constraint.get("expression", "")))
    return used


def document(name, schema):
    folders = ("r4/examples", "r4b", "r4b/examples", "r5/examples", "validator")
    path = next((HOME / folder / name for folder in folders if (HOME / folder / name).is_file()), None)
    return parse(path.read_bytes(), schema, 10**8).tree if path else None


def passes(test, tree, schema):
    expression = test.find("expression")
    node = Node.of_resource(schema, tree)
    if unknown_elements(schema, expression.text, [node.type_key]):
        return expression.get("invalid") == "semantic"
    try:
        found = compile_expression(expression.text)(Environment(schema, None, node, node), node)
    except FhirPathError:
        return expression.get("invalid") is not None
    if expression.get("invalid"):
        return False
    wanted = [one.text or "" for one in test.findall("output")]
    if test.get("predicate") == "true":
        single = found[0] if len(found) == 1 and isinstance(found[0], bool) else bool(found)
        return wanted == [str(single).lower()]
    return len(found) == len(wanted) and all(map(same, wanted, found))


def same(wanted, found):
    value = found.value if isinstance(found, Node) else found
    if isinstance(value, bool):
        return wanted == str(value).lower()
    if isinstance(value, int | float | Decimal):
        return Decimal(wanted) == Decimal(str(value))
    if isinstance(value, Quantity):
        return wanted.startswith(str(value.value))
    text = value.text if isinstance(value, Moment) else str(value)
    return wanted.strip().lstrip("@T") == text.strip().lstrip("@T")


def test_the_functions_that_invariants_use_do_what_hl7s_tests_say(schema):
    if not TESTS.is_file():
        pytest.skip("FHIR_TEST_CASES names no checkout of FHIR/fhir-test-cases")
    used, documents = functions_of_invariants(), {"": {"resourceType": "Patient"}}
    wrong, count = [], 0
    for test in ElementTree.parse(TESTS).getroot().iter("test"):
        if not set(CALL.findall(test.find("expression").text or "")) <= used:
            continue
        name = test.get("inputfile", "")
        if name not in documents:
            documents[name] = document(name, schema)
        if documents[name] is not None:
            count += 1
            if not passes(test, documents[name], schema):
                wrong.append(test.get("name"))
    assert count > 400
    assert wrong == []
