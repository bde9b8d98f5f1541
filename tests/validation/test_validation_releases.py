"""Other releases of FHIR: a core package takes the place of R4."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fhir_plugin.errors import PackageError
from fhir_plugin.packages import load_definitions
from fhir_plugin.validation import Validator

CORE = "http://hl7.org/fhir/StructureDefinition/"


def structure(name, version, *elements, kind="resource", base="DomainResource"):
    root = {"path": name, "id": name, "min": 0, "max": "*"}
    return {"resourceType": "StructureDefinition", "url": CORE + name, "name": name, "status": "active",
            "fhirVersion": version, "kind": kind, "abstract": False, "type": name, "derivation": "specialization",
            "baseDefinition": CORE + base,
            "snapshot": {"element": [root, *({"min": 0, "max": "1", **one} for one in elements)]}}  # fmt: skip


def cut(version):
    """A core package of three types."""
    binding = {"strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/visit"}
    return [
        structure("Resource", version, {"path": "Resource.id", "type": [{"code": "id"}]}, base=""),
        structure("Visit", version, {"path": "Visit.id", "type": [{"code": "id"}]},
                  {"path": "Visit.state", "min": 1, "type": [{"code": "code"}], "binding": binding},
                  {"path": "Visit.size", "type": [{"code": "integer64"}]}),
        {"resourceType": "ValueSet", "url": binding["valueSet"], "version": version, "status": "active",
         "compose": {"include": [{"system": "urn:visits", "concept": [{"code": "here"}]}]}},
    ]  # fmt: skip


def written(folder, definitions, name="hl7.fhir.r6.core", version="6.0.0"):
    folder.mkdir(exist_ok=True)
    for number, one in enumerate(definitions):
        (folder / f"{number}.json").write_text(json.dumps(one), encoding="utf-8")
    (folder / "package.json").write_text(json.dumps({"name": name, "version": version}), encoding="utf-8")
    return folder


def errors(validator, resource):
    return [(one.code, one.expression) for one in validator.validate(json.dumps(resource)).of("error", "fatal")]


def test_a_core_package_among_those_given_is_what_fhir_is(tmp_path):
    validator = Validator.load([written(tmp_path / "core", cut("6.0.0"))])
    assert errors(validator, {"resourceType": "Visit", "state": "here", "size": "9007199254740993"}) == []
    assert errors(validator, {"resourceType": "Visit", "state": "away"}) == [("binding-required", "Visit.state")]
    assert errors(validator, {"resourceType": "Visit", "state": "here", "size": "1.5"}) == [
        ("primitive-format", "Visit.size")
    ]
    assert errors(validator, {"resourceType": "Patient"}) == [("resource-type-unknown", "Patient")]


def test_the_core_of_a_version_is_found_in_the_cache(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    (cache / "hl7.fhir.r5.core#5.0.0").mkdir(parents=True)
    written(cache / "hl7.fhir.r5.core#5.0.0" / "package", cut("5.0.0"), name="hl7.fhir.r5.core", version="5.0.0")
    monkeypatch.setenv("FHIR_PACKAGE_CACHE", str(cache))
    assert load_definitions(fhir_version="R5").fhir_version == "5.0.0"
    assert load_definitions(fhir_version="5.0").fhir_version == "5.0.0"
    assert load_definitions(fhir_version="R4").fhir_version == load_definitions().fhir_version == "4.0.1"
    with pytest.raises(PackageError, match="not here"):
        load_definitions(fhir_version="R4B")


def test_a_definition_of_stu3_is_read_as_r4_writes_it(tmp_path):
    visit = structure(
        "Visit", "3.0.2",
        {"path": "Visit.who", "type": [{"code": "Reference", "targetProfile": CORE + "Patient"},
                                       {"code": "Reference", "targetProfile": CORE + "Visit"}]},
        {"path": "Visit.state", "type": [{"code": "code"}],
         "binding": {"strength": "required", "valueSetReference": {"reference": "http://hl7.org/fhir/ValueSet/visit"}}},
    )  # fmt: skip
    reference = structure("Reference", "3.0.2", {"path": "Reference.reference", "type": [{"code": "string"}]},
                          kind="complex-type", base="Element")  # fmt: skip
    others = [one for one in cut("3.0.2") if one.get("name") != "Visit"]
    patient = structure("Patient", "3.0.2", {"path": "Patient.id", "type": [{"code": "id"}]})
    folder = written(tmp_path / "core", [*others, visit, reference, patient], name="hl7.fhir.r3.core", version="3.0.2")
    validator = Validator.load([folder])
    assert errors(validator, {"resourceType": "Visit", "who": {"reference": "Patient/1"}, "state": "here"}) == []
    found = errors(validator, {"resourceType": "Visit", "who": {"reference": "Resource/1"}, "state": "away"})
    assert found == [("binding-required", "Visit.state")]


def test_definitions_in_one_bundle_of_xml_are_read(tmp_path):
    (tmp_path / "all.xml").write_text(
        '<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/><entry><resource><ValueSet>'
        '<url value="urn:set"/><status value="active"/></ValueSet></resource></entry></Bundle>',
        encoding="utf-8",
    )
    assert Validator.load([tmp_path]).engine.definitions.value_set("urn:set") is not None


RELEASES = [
    ("R5", {"resourceType": "Encounter", "status": "completed"}, {"resourceType": "Encounter", "status": "finished"}),
    ("R4B", {"resourceType": "Ingredient", "status": "active", "role": {"text": "a"}, "substance": {"code": {}}},
     {"resourceType": "Ingredient"}),
    ("STU3", {"resourceType": "Patient", "animal": {"species": {"text": "cat"}}},
     {"resourceType": "Patient", "nothing": 1}),
]  # fmt: skip


@pytest.mark.peer
@pytest.mark.parametrize(("release", "good", "bad"), RELEASES, ids=[one for one, _, _ in RELEASES])
def test_a_real_core_package_validates(release, good, bad):
    source = os.environ.get(f"FHIR_CORE_{release}", "")
    if not Path(source).exists() or not source:
        pytest.skip(f"FHIR_CORE_{release} does not name the core package (docs/peers.md)")
    validator = Validator.load([source], fhir_version=release)
    assert "element-unknown" not in [code for code, _ in errors(validator, good)]
    assert errors(validator, bad) != []


@pytest.mark.parametrize(("version", "found"), [("4.3.0", ["extension-unknown"]), ("5.0.0", [])])
def test_since_r5_the_core_package_does_not_hold_hl7s_own_extensions(tmp_path, version, found):
    extension = {"path": "Visit.extension", "max": "*", "type": [{"code": "Extension"}]}
    core = [
        structure("Resource", version, {"path": "Resource.id", "type": [{"code": "id"}]}, base=""),
        structure("Extension", version, {"path": "Extension.url", "min": 1, "type": [{"code": "uri"}]},
                  {"path": "Extension.value[x]", "type": [{"code": "string"}]}, kind="complex-type", base="Element"),
        structure("Visit", version, extension),
    ]  # fmt: skip
    validator = Validator.load([written(tmp_path / "core", core, version=version)])
    visit = {"resourceType": "Visit", "extension": [{"url": f"{CORE}patient-birthTime", "valueString": "a"}]}
    assert [code for code, _ in errors(validator, visit)] == found
