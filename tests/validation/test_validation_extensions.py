"""Where an extension may stand, and who has to know it."""

from __future__ import annotations

from definitions_asked import CORE, errors, loaded, profile

from fhir_plugin.validation import Validator


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


def test_an_extension_of_hl7_that_came_later_is_known_by_name_only(validator):
    def patient(name):
        return {"resourceType": "Patient", "extension": [{"url": CORE + name, "valueString": "a"}]}

    assert errors(validator, patient("no-such-extension")) == [("extension-unknown", "Patient.extension[0]")]
    report = validator.validate(patient("patient-unknownIdentity"))
    assert not report.has_errors
    assert [one.code for one in report.of("warning")][:1] == ["extension-unknown"]
