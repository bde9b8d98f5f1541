"""Real instances: the nl-core examples, whole and mutated."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_examples import SHARED, nl_core_examples

from fhir_plugin.mapping.network import from_fhir, to_fhir

EXAMPLES = nl_core_examples() if SHARED.is_dir() else []
needs_examples = pytest.mark.skipif(not EXAMPLES, reason="the nl-core examples are not beside this checkout")


def written(bundle):
    return [entry["resource"] for entry in bundle.get("entry", [])]


@needs_examples
@pytest.mark.parametrize("body", EXAMPLES, ids=[body["id"] for body in EXAMPLES])
def test_an_nl_core_example_comes_back_as_it_was(body):
    assert body in written(to_fhir(from_fhir(body).network))


@needs_examples
def test_the_examples_of_one_patient_come_back_together():
    together = from_fhir(EXAMPLES, patient_id="nl-core-Patient-01")
    assert {id_of(body) for body in written(to_fhir(together.network))} == {id_of(body) for body in EXAMPLES}


@needs_examples
def test_a_plain_contact_person_is_never_silently_a_figure():
    network = from_fhir(EXAMPLES, patient_id="nl-core-Patient-01").network
    assert not network.figures
    assert {person.ref.type for person in network.people} >= {"RelatedPerson"}


def id_of(body):
    return body["resourceType"], body["id"]


@st.composite
def mutated(draw):
    body = copy.deepcopy(draw(st.sampled_from(EXAMPLES)))
    for _ in range(draw(st.integers(1, 3))):
        _mutate(draw, body)
    return body


def _mutate(draw, body):
    parent, key = draw(st.sampled_from(list(_places(body))))
    match draw(st.sampled_from(["drop", "empty", "retype", "unknown", "double"])):
        case "drop":
            del parent[key]
        case "empty":
            parent[key] = type(parent[key])()
        case "retype":
            parent[key] = 7
        case "unknown":
            parent[key] = "zzz"
        case "double":
            if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[key]))


def _places(node, top=True):
    items = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
    for key, value in items:
        if not (top and key in ("resourceType", "id")):
            yield node, key
        if isinstance(value, dict | list):
            yield from _places(value, top=False)


@needs_examples
@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_instance_is_read_without_raising_and_without_loss(data):
    body = data.draw(mutated())
    assert body in written(to_fhir(from_fhir(body).network))
