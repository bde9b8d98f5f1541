"""Rules that stand in prose, in extensions of definitions, or in how the reference validator reads them."""

from __future__ import annotations

import json

import pytest

from fhir_plugin.validation import Validator

BASE = "https://example.com/StructureDefinition/"
CORE = "http://hl7.org/fhir/StructureDefinition/"
R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition."
XHTML = "http://www.w3.org/1999/xhtml"


def profile(name, *elements, of="Patient", **more):
    return {
        "resourceType": "StructureDefinition", "url": BASE + name, "name": name.title(), "status": "active",
        "kind": "resource", "abstract": False, "type": of, "baseDefinition": CORE + of, "derivation": "constraint",
        "differential": {"element": [{"path": of}, *elements]}, **more,
    }  # fmt: skip


def loaded(folder, *definitions):
    for number, one in enumerate(definitions):
        (folder / f"{number}.json").write_text(json.dumps(one), encoding="utf-8")
    return Validator.load([folder])


def errors(validator, resource, *profiles):
    return [
        (one.code, one.expression) for one in validator.validate(json.dumps(resource), profiles).of("error", "fatal")
    ]


def test_a_profile_may_ask_for_a_value_where_an_extension_would_do(tmp_path):
    must = {"path": "Patient.active", "extension": [{"url": R5 + "mustHaveValue", "valueBoolean": True}]}
    validator = loaded(tmp_path, profile("must", must))
    absent = {"extension": [{"url": CORE + "data-absent-reason", "valueCode": "unknown"}]}
    patient = {"resourceType": "Patient", "_active": absent}
    assert errors(validator, patient, BASE + "must") == [("value-required", "Patient.active")]
    assert errors(validator, {"resourceType": "Patient", "active": True}, BASE + "must") == []


def test_a_profile_may_name_what_stands_in_for_a_value(tmp_path):
    reason = {"url": R5 + "valueAlternatives", "valueCanonical": CORE + "data-absent-reason"}
    validator = loaded(tmp_path, profile("either", {"path": "Patient.active", "extension": [reason]}))
    for url, code, expected in (
        ("data-absent-reason", "unknown", []),
        ("iso21090-nullFlavor", "MSK", [("value-required", "Patient.active")]),
    ):
        patient = {"resourceType": "Patient", "_active": {"extension": [{"url": CORE + url, "valueCode": code}]}}
        assert errors(validator, patient, BASE + "either") == expected


HELLO = {"contentType": "text/plain", "data": "aGVs bG8="}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("qvTGHdzF6KLavt4PO0gs2a6pQ00=", []),
        ("aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", [("attachment-hash", "Media.content")]),
    ],
)
def test_the_hash_of_an_attachment_is_that_of_its_data(stated, expected):
    media = {"resourceType": "Media", "status": "completed", "content": HELLO | {"hash": stated}}
    assert errors(Validator.load(), media) == expected


def test_an_image_in_a_narrative_that_is_within_the_resource_is_there():
    div = f'<div xmlns="{XHTML}">Kaart <img src="#kaart" alt="kaart"/></div>'
    patient = {"resourceType": "Patient", "text": {"status": "additional", "div": div}}
    assert errors(Validator.load(), patient) == [("narrative-dead-link", "Patient.text.div")]
    picture = {"resourceType": "Binary", "id": "kaart", "contentType": "image/png", "data": "aGVsbG8="}
    patient |= {"contained": [picture], "photo": [{"url": "#kaart"}]}
    assert ("narrative-dead-link", "Patient.text.div") not in errors(Validator.load(), patient)


def test_the_formats_of_a_server_may_be_named_in_short():
    statement = {"resourceType": "CapabilityStatement", "format": ["json", "xml", "ttl", "application/fhir+json"]}
    found = [place for code, place in errors(Validator.load(), statement) if code == "binding-required"]
    assert found == []
    statement["format"] = ["json", "csv"]
    found = [place for code, place in errors(Validator.load(), statement) if code == "binding-required"]
    assert found == ["CapabilityStatement.format[1]"]


def test_an_extension_for_an_attribute_of_dicom_needs_no_definition_but_a_modifier_does():
    extension = [{"url": "http://nema.org/fhir/extensions#0002-0010", "valueString": "x"}]
    assert errors(Validator.load(), {"resourceType": "Patient", "extension": extension}) == []
    found = errors(Validator.load(), {"resourceType": "Patient", "modifierExtension": extension})
    assert found == [("extension-modifier-unknown", "Patient.modifierExtension[0]")]


def test_anything_may_say_since_when_it_is_normative():
    version = {"url": CORE + "structuredefinition-normative-version", "valueCode": "4.0.0"}
    assert errors(Validator.load(), {"resourceType": "Patient", "extension": [version]}) == []
    elsewhere = {"url": CORE + "regex", "valueString": "[a-z]"}
    found = errors(Validator.load(), {"resourceType": "Patient", "name": [{"extension": [elsewhere]}]})
    assert found == [("extension-context", "Patient.name[0]")]


def test_a_profile_may_ask_for_a_least_length(tmp_path):
    least = {"path": "Patient.id", "extension": [{"url": CORE + "minLength", "valueInteger": 3}]}
    validator = loaded(tmp_path, profile("long", least))
    assert errors(validator, {"resourceType": "Patient", "id": "ab"}, BASE + "long") == [("min-length", "Patient.id")]
    assert errors(validator, {"resourceType": "Patient", "id": "abc"}, BASE + "long") == []


def test_a_resource_in_an_entry_holds_to_the_profile_on_it(tmp_path):
    named = profile("named", {"path": "Patient.name", "min": 1})
    held = {"path": "Bundle.entry.resource", "type": [{"code": "Resource", "profile": [BASE + "named"]}]}
    validator = loaded(tmp_path, named, profile("held", held, of="Bundle"))

    def bundle(resource):
        return {"resourceType": "Bundle", "type": "transaction",
                "entry": [{"resource": resource, "request": {"method": "POST", "url": "Patient"}}]}  # fmt: skip

    place = "Bundle.entry[0].resource"
    assert errors(validator, bundle({"resourceType": "Patient"}), BASE + "held") == [("cardinality-min", place)]
    group = {"resourceType": "Group", "type": "person", "actual": True}
    assert errors(validator, bundle(group), BASE + "held") == [("type-not-allowed", place)]
    assert errors(validator, bundle({"resourceType": "Patient", "name": [{"text": "A"}]}), BASE + "held") == []


@pytest.mark.parametrize("form", ["additional", "extension"])
def test_a_second_value_set_binds_too(tmp_path, form):
    values = {
        "resourceType": "ValueSet",
        "url": "https://example.com/ValueSet/one",
        "status": "active",
        "compose": {"include": [{"system": "https://example.com/codes", "concept": [{"code": "a"}]}]},
    }
    more = {"purpose": "required", "valueSet": values["url"]}
    parts = [{"url": "purpose", "valueCode": "required"}, {"url": "valueSet", "valueCanonical": values["url"]}]
    url = "http://hl7.org/fhir/tools/StructureDefinition/additional-binding"
    extra = {"additional": [more]} if form == "additional" else {"extension": [{"url": url, "extension": parts}]}
    binding = {"strength": "example", "valueSet": "http://hl7.org/fhir/ValueSet/observation-codes", **extra}
    validator = loaded(
        tmp_path, values, profile("bound", {"path": "Observation.code", "binding": binding}, of="Observation")
    )

    def observation(code):
        coding = {"system": "https://example.com/codes", "code": code}
        return {"resourceType": "Observation", "status": "final", "code": {"coding": [coding]}}

    assert errors(validator, observation("b"), BASE + "bound") == [("binding-required", "Observation.code")]
    assert errors(validator, observation("a"), BASE + "bound") == []


def test_an_extension_may_have_a_condition_of_its_own(tmp_path):
    own = profile("inactive-only", of="Extension", kind="complex-type", contextInvariant=["Patient.active.not()"],
                  context=[{"type": "element", "expression": "Patient"}])  # fmt: skip
    own["differential"]["element"] += [
        {"path": "Extension.url", "fixedUri": own["url"]},
        {"path": "Extension.value[x]", "type": [{"code": "string"}]},
    ]
    validator = loaded(tmp_path, own)

    def patient(active):
        return {"resourceType": "Patient", "active": active, "extension": [{"url": own["url"], "valueString": "a"}]}

    assert errors(validator, patient(True)) == [("extension-context-rule", "Patient")]
    assert errors(validator, patient(False)) == []


def test_the_context_of_an_extension_on_the_value_of_an_extension_is_that_extension(tmp_path):
    outer = CORE + "patient-interpreterRequired"
    inner = profile("inner", of="Extension", kind="complex-type", context=[{"type": "extension", "expression": outer}])
    inner["differential"]["element"].append({"path": "Extension.url", "fixedUri": inner["url"]})
    validator = loaded(tmp_path, inner)
    on_value = {"extension": [{"url": inner["url"], "valueString": "a"}]}
    patient = {"resourceType": "Patient",
               "extension": [{"url": outer, "valueBoolean": True, "_valueBoolean": on_value}]}  # fmt: skip
    assert errors(validator, patient) == []


def test_a_guide_may_ask_a_profile_of_every_resource_of_a_type(tmp_path):
    named = profile("named", {"path": "Patient.name", "min": 1})
    guide = {"resourceType": "ImplementationGuide", "url": "https://example.com/ImplementationGuide/g", "name": "G",
             "status": "active", "packageId": "g", "fhirVersion": ["4.0.1"],
             "global": [{"type": "Patient", "profile": named["url"]}]}  # fmt: skip
    validator = loaded(tmp_path, named, guide)
    assert errors(validator, {"resourceType": "Patient"}) == [("cardinality-min", "Patient")]
    assert errors(validator, {"resourceType": "Organization", "name": "A"}) == []


def test_a_slice_that_forbids_an_element_holds_what_lacks_it(tmp_path):
    slicing = {"discriminator": [{"type": "value", "path": "use"}], "rules": "closed"}
    validator = loaded(tmp_path, profile(
        "sliced",
        {"id": "Patient.telecom", "path": "Patient.telecom", "slicing": slicing},
        {"id": "Patient.telecom:home", "path": "Patient.telecom", "sliceName": "home"},
        {"id": "Patient.telecom:home.use", "path": "Patient.telecom.use", "min": 1, "fixedCode": "home"},
        {"id": "Patient.telecom:bare", "path": "Patient.telecom", "sliceName": "bare"},
        {"id": "Patient.telecom:bare.use", "path": "Patient.telecom.use", "max": "0"},
    ))  # fmt: skip

    def patient(**telecom):
        return {"resourceType": "Patient", "telecom": [{"system": "email", "value": "a", **telecom}]}

    assert errors(validator, patient(use="home"), BASE + "sliced") == []
    assert errors(validator, patient(), BASE + "sliced") == []
    assert errors(validator, patient(use="work"), BASE + "sliced") == [("slice-closed", "Patient.telecom[0]")]


def test_a_choice_that_leaves_other_types_does_not_need_the_type_it_slices(tmp_path):
    slicing = {"discriminator": [{"type": "type", "path": "$this"}], "rules": "open"}
    validator = loaded(tmp_path, profile(
        "period",
        {"id": "Observation.effective[x]", "path": "Observation.effective[x]", "slicing": slicing, "min": 1,
         "type": [{"code": "dateTime"}, {"code": "Period"}]},
        {"id": "Observation.effective[x]:effectivePeriod", "path": "Observation.effective[x]",
         "sliceName": "effectivePeriod", "type": [{"code": "Period"}]},
        {"id": "Observation.effective[x]:effectivePeriod.end", "path": "Observation.effective[x].end", "min": 1},
        of="Observation",
    ))  # fmt: skip
    plain = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}}
    assert errors(validator, {**plain, "effectiveDateTime": "2020"}, BASE + "period") == []
    assert errors(validator, {**plain, "effectivePeriod": {"start": "2020"}}, BASE + "period") != []


def test_an_observation_with_the_code_of_a_vital_sign_holds_to_its_profile(validator):
    weight = {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"reference": "Patient/a"},
        "effectiveDateTime": "2020-01-01",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "valueQuantity": {"value": 70, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }
    assert ("cardinality-min", "Observation") in errors(validator, weight)
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    category = [{"coding": [{"system": system, "code": "vital-signs"}]}]
    assert errors(validator, {**weight, "category": category}) == []


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ('<a href="urn:uuid:1">a</a>', "narrative-link-scheme"),
        ('<a href="https://example.com">a</a>', ""),
        ('<a href="tel:0201234567">a</a>', ""),
        ('<p idref="b">a</p>', "txt-1"),
        ('<pre xml:space="preserve">a</pre>', ""),
        ('<a href="">a</a>', "narrative-link"),
        ('a<img src="b c.png"/>', "narrative-link"),
        ('<a href="https://example.com" target="_blank">a</a>', "txt-1"),
    ],
)
def test_links_in_a_narrative_can_be_followed(validator, inside, code):
    patient = {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": f'<div xmlns="{XHTML}">{inside}</div>'},
    }
    assert [one for one, _ in errors(validator, patient)] == ([code] if code else [])


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("<ul><li>a</li><li><div>b<ul><li>c</li></ul></div></li></ul>", ""),
        ("<table><caption>a</caption><thead><tr><th>b</th></tr></thead><tbody><tr><td/></tr></tbody></table>", ""),
        ("<p>a</p><table><tr><td><p>b <b>c</b> <i>d</i></p></td></tr></table>", ""),
        ("<span>a<span>b</span></span>", ""),
        ("<li>a</li>", "narrative-nesting"),
        ("<ul>a<li>b</li></ul>", "narrative-nesting"),
        ("<ul><li>a</li>b</ul>", "narrative-nesting"),
        ("<ul><ul><li>a</li></ul></ul>", "narrative-nesting"),
        ("<table><p>a</p></table>", "narrative-nesting"),
        ("<table><tr>a</tr></table>", "narrative-nesting"),
        ("<p>a<br/><span><blockquote><table><tr><td>b</td></tr></table></blockquote></span></p>", "narrative-nesting"),
        ("<p>a <span>b <p>c</p></span></p>", "narrative-nesting"),
        ("<span>a</span><b>a <i>b <b>c</b></i></b>", "narrative-nesting"),
        ("<dl><dd><div>a</div></dd></dl>", "narrative-nesting"),
        ("<br>a</br>", "narrative-nesting"),
        ("<hr><b>a</b></hr>", "narrative-nesting"),
        ("<del>a</del>", "txt-1"),
        ("<u>a</u>", "txt-1"),
        ('<ol><li value="2">a</li></ol>', "txt-1"),
    ],
)
def test_a_narrative_is_basic_html_with_everything_in_its_place(validator, inside, code):
    div = f'<div xmlns="{XHTML}">{inside}</div>'
    patient = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    assert list(dict.fromkeys(one for one, _ in errors(validator, patient))) == ([code] if code else [])


def test_a_contained_picture_is_used_by_the_narrative_that_shows_it(validator):
    picture = {"resourceType": "Binary", "id": "a", "contentType": "image/png"}
    patient = {
        "resourceType": "Patient",
        "contained": [picture],
        "text": {"status": "generated", "div": f'<div xmlns="{XHTML}"><img src="#a" alt="a"/></div>'},
    }
    assert errors(validator, patient) == []


def test_a_reference_by_uuid_to_an_entry_of_another_type_is_an_error(validator):
    uuid = "5d9588d8-3cd6-4b32-8fb7-ad13694e069d"
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [
        {"fullUrl": "urn:uuid:54fc3e09-e279-4b74-a8ff-2649ec968642",
         "resource": {"resourceType": "Patient", "generalPractitioner": [{"reference": f"Practitioner/{uuid}"}]}},
        {"fullUrl": f"urn:uuid:{uuid}", "resource": {"resourceType": "Organization", "name": "A"}},
    ]}  # fmt: skip
    assert errors(validator, bundle) == [("reference-type-mismatch", "Bundle.entry[0].resource.generalPractitioner[0]")]


def test_a_reference_holds_no_white_space_and_a_hash_alone_means_the_holder(validator):
    person = {"resourceType": "RelatedPerson", "patient": {"reference": " Patient/a"}}
    assert errors(validator, person) == [("reference-format", "RelatedPerson.patient")]
    person["patient"]["reference"] = "#"
    assert errors(validator, person) == [("reference-dangling", "RelatedPerson.patient")]


def test_code_systems_and_value_sets_agree_with_what_they_declare(tmp_path):
    system = {"resourceType": "CodeSystem", "url": "https://example.com/codes", "status": "active",
              "content": "not-present", "concept": [{"code": "a"}],
              "property": [{"code": "leaf", "type": "boolean"}]}  # fmt: skip
    validator = loaded(tmp_path, {**system, "content": "complete"})
    assert ("concepts-present", "CodeSystem.concept[0]") in errors(validator, system)
    one = {"property": "leaf", "op": "=", "value": "1"}
    values = {"resourceType": "ValueSet", "url": "https://example.com/ValueSet/v", "status": "active",
              "compose": {"include": [{"system": system["url"], "filter": [one]}]}}  # fmt: skip
    assert errors(validator, values) == [("filter-value", "ValueSet.compose.include[0].filter[0]")]
    one["value"] = "true"
    assert errors(validator, values) == []


@pytest.mark.parametrize(("value", "expected"), [("2.16.840.1", ["identifier-uri"]), ("urn:oid:2.16.840.1", [])])
def test_an_identifier_from_the_system_of_uris_is_a_uri(validator, value, expected):
    patient = {"resourceType": "Patient", "identifier": [{"system": "urn:ietf:rfc:3986", "value": value}]}
    assert [code for code, _ in errors(validator, patient)] == expected


def test_an_extension_of_hl7_that_came_later_is_known_by_name_only(validator):
    def patient(name):
        return {"resourceType": "Patient", "extension": [{"url": CORE + name, "valueString": "a"}]}

    assert errors(validator, patient("no-such-extension")) == [("extension-unknown", "Patient.extension[0]")]
    report = validator.validate(patient("patient-unknownIdentity"))
    assert not report.has_errors
    assert [one.code for one in report.of("warning")][:1] == ["extension-unknown"]


@pytest.mark.parametrize(
    ("data", "good"),
    [
        ("YQ==", True),
        ("YWI=", True),
        ("YWJj YWJj", True),
        ("YQ=", False),
        ("Y===", False),
        ("YQ==YQ==", False),
        ("!!!!", False),
    ],
)
def test_what_is_no_base64_is_refused(validator, data, good):
    found = errors(validator, {"resourceType": "Binary", "contentType": "image/png", "data": data})
    assert found == ([] if good else [("primitive-format", "Binary.data")])
