"""Text that is not quite FHIR: a located issue, never an exception."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.validation import Policy, Validator
from fhir_plugin.validation.parsing import jsontext

GOOD = '{"resourceType": "RelatedPerson", "patient": {"reference": "Patient/kind"}}'


def codes(report):
    return [issue.code for issue in report.of("fatal", "error")]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "input-empty", (1, 1)),
        ("[]", "json-not-object", (1, 1)),
        ('{"resourceType": "Patient",}', "json-syntax", (1, 27)),
        ('{\n  "resourceType": "Patient", // wie\n  "active": true}', "json-comment", (2, 30)),
        ('{"resourceType": "Patient", "multipleBirthInteger": NaN}', "json-syntax", (1, 53)),
        (b'{"resourceType": "Patient", "id": "\xff"}', "encoding", (1, 36)),
        ('<Patient xmlns="http://hl7.org/fhir"><active value="true"></Patient>', "xml-syntax", (1, 61)),
        ('<Patient xmlns="http://x"/>', "xml-namespace", (1, 1)),
        ('<!DOCTYPE a [<!ENTITY b "c">]><Patient xmlns="http://hl7.org/fhir"/>', "xml-doctype", (1, 13)),
    ],
)
def test_unreadable_text_is_one_located_issue(validator, text, code, place):
    (issue,) = validator.validate(text).issues
    assert (issue.code, (issue.line, issue.column)) == (code, place)


def test_a_repeated_key_is_found_with_its_place(validator):
    report = validator.validate('{"resourceType": "Patient",\n "active": true,\n "active": false}')
    assert [(i.code, i.line, i.column) for i in report.of("error")] == [("json-key-repeated", 3, 2)]


@pytest.mark.parametrize("text", ["\\u0022:", "\\u003a", "\\u003A", "a\\u003ab"])
def test_a_repeated_key_does_not_hide_behind_an_escaped_character(validator, text):
    body = f'{{"resourceType": "Basic", "id": "a", "id": "b", "code": {{"text": "{text}"}}}}'
    for one in (body, body.encode()):
        assert "json-key-repeated" in codes(validator.validate(one))


def test_a_repeated_key_is_found_without_orjson(validator, monkeypatch):
    monkeypatch.setattr(jsontext, "_orjson", None)
    assert "json-key-repeated" in codes(validator.validate('{"resourceType": "Patient", "id": "a", "id": "b"}'))


def test_keys_inside_strings_are_no_repeated_keys(validator):
    text = '{"resourceType": "Patient", "name": [{"text": "\\"text\\": \\"text\\" : x"}]}'
    assert codes(validator.validate(text)) == []


def test_a_byte_order_mark_is_a_warning(validator):
    report = validator.validate(b"\xef\xbb\xbf" + GOOD.encode())
    assert not report.has_errors
    assert "byte-order-mark" in [issue.code for issue in report]


def test_deep_nesting_is_an_issue_in_json_and_xml(validator):
    deep = '{"resourceType": "Consent", "provision": ' + '{"provision": [' * 5000 + "{}" + "]}" * 5000 + "}"
    assert codes(validator.validate(deep)) == ["too-deep"]
    assert codes(validator.validate('<Consent xmlns="http://hl7.org/fhir">' + "<provision>" * 5000)) == ["too-deep"]


def test_text_above_the_limit_is_not_read(validator):
    small = Validator(validator.engine.definitions, Policy(max_bytes=10))
    assert codes(small.validate(GOOD)) == ["input-too-large"]


def test_json_places_point_at_the_element(validator):
    text = (
        '{\n  "resourceType": "RelatedPerson",\n  "patient": {"reference": "Patient/kind"},\n'
        '  "name": [\n    {"given": ["a", ""]}\n  ]\n}'
    )
    (issue,) = validator.validate(text).of("error")
    assert (issue.expression, issue.line, issue.column) == ("RelatedPerson.name[0].given[1]", 5, 21)


def test_xml_places_point_at_the_element(validator):
    text = (
        '<RelatedPerson xmlns="http://hl7.org/fhir">\n <patient><reference value="Patient/kind"/></patient>\n'
        ' <name>\n  <given value="a"/>\n  <given value=""/>\n </name>\n</RelatedPerson>'
    )
    (issue,) = validator.validate(text).of("error")
    assert (issue.expression, issue.line, issue.column) == ("RelatedPerson.name[0].given[1]", 5, 3)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('<gender value="male"/><name><family value="a"/></name>', "xml-order"),
        ("<birthDat value='1980'/>", "element-unknown"),
        ('<birthDate value="1980" lang="nl"/>', "xml-attribute"),
        ("<active>true</active>", "xml-text"),
        ('<gender value="male"/><gender value="male"/>', "cardinality-max"),
        ('<active value="ja"/>', "primitive-format"),
        ('<x:active xmlns:x="urn:x" value="true"/>', "xml-namespace"),
        ("<active/>", "value-missing"),
        ('<name><id value="a"/><text value="b"/></name>', "element-unknown"),
        ('<resourceType value="RelatedPerson"/>', "element-unknown"),
        ("<_gender id='a'/>", "element-unknown"),
        ('<active xml:lang="nl" value="true"/>', "xml-attribute"),
        ('<?x y?><active value="true"/>', "xml-instruction"),
        ('<![CDATA[ ]]><active value="true"/>', "xml-cdata"),
    ],
)
def test_xml_has_rules_of_its_own(validator, body, code):
    text = (
        f'<RelatedPerson xmlns="http://hl7.org/fhir"><patient><display value="kind"/></patient>{body}</RelatedPerson>'
    )
    assert code in codes(validator.validate(text))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('<Basic xmlns="http://hl7.org/fhir" id="a"><code><text value="b"/></code></Basic>', "xml-attribute"),
        ('<Parameters xmlns="http://hl7.org/fhir"/>', "object-empty"),
        ('<?x y?><Parameters xmlns="http://hl7.org/fhir"><id value="a"/></Parameters>', "xml-instruction"),
        ("<?xml version='1.0' encoding='latin-1'?><Parameters xmlns='http://hl7.org/fhir'><id value='a'/></Parameters>",
         "xml-encoding"),
    ],
)  # fmt: skip
def test_a_whole_xml_resource_has_rules_of_its_own(validator, text, code):
    assert codes(validator.validate(text)) == [code]


def test_a_schema_may_be_named_in_xml(validator):
    schema = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir a.xsd"'
    assert (
        codes(validator.validate(f'<Parameters xmlns="http://hl7.org/fhir" {schema}><id value="a"/></Parameters>'))
        == []
    )


def test_xml_and_json_of_one_resource_have_the_same_errors(validator):
    as_json = {
        "resourceType": "RelatedPerson",
        "patient": {"reference": "Patient/kind"},
        "name": [{"given": ["a", None], "_given": [None, {"id": "x"}]}],
        "gender": "m",
    }
    as_xml = (
        '<RelatedPerson xmlns="http://hl7.org/fhir"><patient><reference value="Patient/kind"/></patient>'
        '<name><given value="a"/><given id="x"/></name><gender value="m"/></RelatedPerson>'
    )
    pairs = [
        {(i.code, i.expression) for i in validator.validate(one).of("error")} for one in (json.dumps(as_json), as_xml)
    ]
    assert pairs[0] == pairs[1]
    assert ("binding-required", "RelatedPerson.gender") in pairs[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "given", "extension", "url", "id", "contained", "_given", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["RelatedPerson", "CareTeam", "Consent", "Provenance", "Bundle", "Parameters", "Observation"]),
    body=st.dictionaries(
        st.sampled_from(["patient", "name", "status", "provision", "agent", "entry", "parameter", "contained", "text",
                         "meta", "extension", "code", "subject", "participant", "type", "component", "_status"]),
        JSON, max_size=6,
    ),
)  # fmt: skip
def test_nothing_that_is_validated_raises_or_ends_in_an_internal_error(validator, kind, body):
    report = validator.validate({"resourceType": kind, **body})
    assert not [issue for issue in report if issue.code == "internal"]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80) | st.binary(max_size=80))
def test_no_text_makes_it_raise(validator, text):
    assert validator.validate(text).issues


def test_numbers_that_json_allows_are_read(validator):
    text = (
        '{"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueQuantity": {"value": 1e400}}'
    )
    report = validator.validate(text)
    assert all(issue.code != "internal" for issue in report)
    assert math.isfinite(len(report))


def test_what_is_deeper_than_a_reader_writes_again_is_too_deep_and_no_crash(validator):
    deep = b'{"resourceType":"Patient","extension":' + b'[{"url":"http://a.b/c","extension":' * 400
    report = validator.validate(deep + b"[]" + b"}]" * 400 + b"}")
    assert [issue.code for issue in report.of("fatal")] == ["too-deep"]


def test_findings_of_one_resource_are_bounded(validator):
    report = validator.validate(b'{"resourceType":"Patient","name":[' + b",".join([b'{"text":""}'] * 25_000) + b"]}")
    assert len(report.issues) <= 20_001
    assert [issue.code for issue in report.of("fatal")] == ["too-many-issues"]


@pytest.mark.parametrize("count", [1_000])
def test_many_contained_resources_and_deep_narratives_cost_what_their_size_is(validator, count):
    contained = ({"resourceType": "Organization", "id": f"o{one}", "partOf": {"reference": f"#o{one + 1}"}}
                 for one in range(count))  # fmt: skip
    found = validator.validate({"resourceType": "Patient", "contained": list(contained)})
    assert found.has_errors
    div = '<div xmlns="http://www.w3.org/1999/xhtml">' + "<span>" * count + "a" + "</span>" * count + "</div>"
    narrative = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    assert not validator.validate(narrative).has_errors
