"""Line and column of every element, wherever it stands in the text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.validation.parsing.jsonplaces import JsonPlaces

NAMES = st.sampled_from(["a", "b", "é", "value"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "x", 'a "b": {', "}\\", "[1,\n2]", "\u2028"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def paths_in(value, path):
    if isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, list):
                for index, item in enumerate(one):
                    yield (path, name, index), item
                    yield from paths_in(item, (path, name, index))
            else:
                yield (path, name, None), one
                yield from paths_in(one, (path, name, None))


@settings(max_examples=200, deadline=None)
@given(body=st.dictionaries(NAMES, VALUES, min_size=1, max_size=4),
       indent=st.sampled_from([None, 1]), as_bytes=st.booleans())  # fmt: skip
def test_a_place_is_where_the_key_or_the_item_begins(body, indent, as_bytes):
    text = json.dumps(body, indent=indent, ensure_ascii=False)
    found = list(paths_in(body, (None, "X", None)))
    places = JsonPlaces(text.encode() if as_bytes else text)([path for path, _value in found])
    lines = text.split("\n")
    for (path, value), (line, column) in zip(found, places, strict=True):
        rest = "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
        if path[2] is None:
            assert rest.startswith(json.dumps(path[1], ensure_ascii=False)), (path, rest)
        else:
            assert json.JSONDecoder().raw_decode(rest)[0] == value, (path, rest)


def test_an_extension_of_a_primitive_is_found_in_the_field_beside_it():
    text = '{"birthDate": "2012",\n "_birthDate": {\n  "extension": [{"url": "x"}]}}'
    holder = ((None, "Patient", None), "birthDate", None)
    assert JsonPlaces(text)([holder, (holder, "extension", 0)]) == [(1, 2), (3, 17)]


def test_a_field_has_its_own_place_though_its_extension_comes_first():
    text = '{"_birthDate": {"id": "a"},\n "birthDate": "2012"}'
    assert JsonPlaces(text)([((None, "Patient", None), "birthDate", None)]) == [(2, 2)]


def test_of_a_repeated_key_the_last_one_is_shown(validator):
    text = '{"resourceType": "Patient", "gender": "male",\n "active": true,\n "gender": "x"}'
    (found,) = [one for one in validator.validate(text) if one.code == "binding-required"]
    assert (found.line, found.column) == (3, 2)


def test_what_is_not_in_the_text_has_the_place_of_what_is_around_it():
    text = '{"name":\n [{"text": "x"}]}'
    person = (None, "Patient", None)
    assert JsonPlaces(text)([person, ((person, "name", 0), "family", None)]) == [(1, 1), (2, 3)]


def test_an_unknown_element_is_shown_where_it_stands_and_named_at_the_element_that_has_it(validator):
    text = '{"resourceType": "Patient",\n "name": [{"family": "x",\n   "foo": 1}],\n "foo": {"a": 2}}'
    found = [one for one in validator.validate(text) if one.code == "element-unknown"]
    places = [(one.expression, one.line, one.column) for one in found]
    assert sorted(places) == [("Patient", 4, 2), ("Patient.name[0]", 3, 4)]


def test_an_unknown_element_in_xml_is_shown_where_it_stands(validator):
    text = '<Patient xmlns="http://hl7.org/fhir">\n <active value="true"/>\n  <foo value="1"/>\n</Patient>'
    (found,) = [one for one in validator.validate(text) if one.code == "element-unknown"]
    assert (found.expression, found.line, found.column) == ("Patient", 3, 3)


MISPLACED = "http://hl7.org/fhir/StructureDefinition/regex"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"resourceType": "Patient", "name": [{\n "extension": [\n  {"url": "%s", "valueString": "a"}]}]}',
         (3, 3)),
        ('<Patient xmlns="http://hl7.org/fhir">\n <name>\n  <extension url="%s"><valueString value="a"/></extension>\n'
         '  <text value="a"/>\n </name>\n</Patient>', (3, 3)),
    ],
    ids=["json", "xml"],
)  # fmt: skip
def test_an_extension_in_the_wrong_place_is_shown_itself_though_the_element_that_has_it_is_named(
    validator, text, place
):
    (found,) = validator.validate(text % MISPLACED).of("error")
    assert (found.code, found.expression) == ("extension-context", "Patient.name[0]")
    assert (found.line, found.column) == place
