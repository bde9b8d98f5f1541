"""Rules that stand in prose, in extensions of definitions, or in how the reference validator reads them."""

from __future__ import annotations

import pytest
from definitions_asked import BASE, CORE, errors, loaded, profile

from fhir_plugin.validation import Validator

R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition."


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


def test_the_formats_of_a_server_may_be_named_in_short():
    statement = {"resourceType": "CapabilityStatement", "format": ["json", "xml", "ttl", "application/fhir+json"]}
    found = [place for code, place in errors(Validator.load(), statement) if code == "binding-required"]
    assert found == []
    statement["format"] = ["json", "csv"]
    found = [place for code, place in errors(Validator.load(), statement) if code == "binding-required"]
    assert found == ["CapabilityStatement.format[1]"]


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
