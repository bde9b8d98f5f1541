"""The two laws of the mapping, and that typed models accept what it writes."""

from __future__ import annotations

import copy
from dataclasses import replace

from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_strategies import figures, names, networks, words

from fhir_plugin.mapping.engagement import ENGAGEMENT_LENSES
from fhir_plugin.mapping.figure import FIGURE_LENSES, figure_from, figure_onto
from fhir_plugin.mapping.lens import apply_lenses, read_lenses
from fhir_plugin.mapping.network import from_fhir, to_fhir
from fhir_plugin.model.figure import Engagement
from fhir_plugin.model.identity import Ref

PATIENT = Ref(reference="Patient/p")
FOREIGN_EXTENSION = {"url": "https://vendor.example/extension", "valueString": "keep"}


@given(networks)
@settings(max_examples=80, deadline=None)
def test_what_is_written_is_what_is_read(network):
    read = from_fhir(to_fhir(network))
    assert read.network == replace(network, people=read.network.people)
    assert not read.report.has_errors


@given(networks)
@settings(max_examples=60, deadline=None)
def test_writing_what_was_read_changes_nothing(network):
    bundle = to_fhir(network)
    assert to_fhir(from_fhir(bundle).network) == bundle


@given(networks)
@settings(max_examples=40, deadline=None)
def test_ties_come_back_from_the_participant_where_an_ehr_takes_no_observation(network):
    engaged = tuple(figure for figure in network.figures if figure.engagement is not None)
    network = replace(network, figures=engaged)
    bundle = to_fhir(network, ties="participant")
    assert not [entry for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Observation"]
    assert from_fhir(bundle).network.figures == network.figures


@given(networks)
@settings(max_examples=40, deadline=None)
def test_typed_models_accept_everything_that_is_written(network):
    for entry in to_fhir(network)["entry"]:
        body = entry["resource"]
        get_fhir_model_class(body["resourceType"]).model_validate(body)


@given(figures, figures)
@settings(max_examples=80, deadline=None)
def test_an_edit_changes_only_the_elements_that_differ(held, wanted):
    body = figure_onto(held, PATIENT)
    body["extension"] = [FOREIGN_EXTENSION, *body.get("extension", [])]
    body["photo"] = [{"title": "theirs"}]
    body["communication"] = [{"preferred": True}]
    before = copy.deepcopy(body)
    edited = figure_onto(replace(wanted, id=held.id, carried=figure_from(body).carried), PATIENT)
    assert body == before
    assert figure_from(edited) == replace(wanted, id=held.id, engagement=None, ties=())
    assert edited["extension"][0] == FOREIGN_EXTENSION
    assert (edited["photo"], edited["communication"]) == (body["photo"], body["communication"])
    old, new = figure_from(body), figure_from(edited)
    for lens in FIGURE_LENSES:
        if lens.of(old) == lens.of(new):
            assert lens.get(edited) == lens.get(body)


@given(figures, st.sampled_from(FIGURE_LENSES), figures)
@settings(max_examples=80, deadline=None)
def test_each_lens_reads_what_it_put_and_leaves_the_others_alone(held, lens, other):
    body = figure_onto(held, PATIENT)
    before = {item.name: item.get(body) for item in FIGURE_LENSES}
    lens.put(body, lens.of(other))
    after = {item.name: item.get(body) for item in FIGURE_LENSES}
    assert after == {**before, lens.name: lens.of(other)}


@given(figures)
@settings(max_examples=80, deadline=None)
def test_a_new_resource_is_filled_as_an_empty_one_is_changed(figure):
    for lenses, model in ((FIGURE_LENSES, figure), (ENGAGEMENT_LENSES, figure.engagement or Engagement())):
        filled, put, held = ({"resourceType": "RelatedPerson", "extension": [FOREIGN_EXTENSION]} for _ in range(3))
        assert apply_lenses(lenses, filled, model, new=True) == apply_lenses(lenses, put, model)
        assert list(map(repr, filled.items())) == list(map(repr, put.items()))
        assert read_lenses(lenses, filled) == {lens.name: lens.get(filled) for lens in lenses}
        assert read_lenses(lenses, held) == {lens.name: lens.get({}) for lens in lenses}


@given(names, words)
@settings(max_examples=100, deadline=None)
def test_a_name_keeps_the_period_and_extensions_of_others(name, text):
    theirs = {"period": {"start": "2019"}, "extension": [FOREIGN_EXTENSION]}
    body = {"resourceType": "RelatedPerson", "name": [{"use": "official", "text": text, **theirs}]}
    lens = next(lens for lens in FIGURE_LENSES if lens.name == "name")
    lens.put(body, replace(name, text=text))
    assert body["name"][0]["period"] == theirs["period"]
    assert FOREIGN_EXTENSION in body["name"][0]["extension"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(
    ["id", "meta", "extension", "identifier", "active", "patient", "relationship", "name", "telecom", "gender",
     "birthDate", "address", "period", "subject", "participant", "category", "status", "focus", "code", "component"]
)  # fmt: skip


@given(
    st.lists(
        st.dictionaries(members, json_values, max_size=8).flatmap(
            lambda body: st.sampled_from(["RelatedPerson", "CareTeam", "Observation", "Patient", "Consent"]).map(
                lambda kind: {"resourceType": kind, "patient": {"reference": "Patient/p"}, **body}
            )
        ),
        max_size=4,
        unique_by=lambda body: (body["resourceType"], repr(body.get("id", id(body)))),
    )
)
@settings(max_examples=100, deadline=None)
def test_no_json_whatever_makes_reading_raise_or_lose_a_resource(bodies):
    mapped = from_fhir(bodies, patient_id="p")
    written = [entry["resource"] for entry in to_fhir(mapped.network).get("entry", [])]
    assert all(body in written for body in bodies)
