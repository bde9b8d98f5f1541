"""What ships: R4 in compact form."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_plugin.errors import PackageError
from fhir_plugin.packages import Definitions
from fhir_plugin.packages.base import FOLDER, BaseDefinitions, base_definitions
from fhir_plugin.packages.compact import (
    ConstraintTable,
    decode_code_system,
    decode_structure,
    encode_code_system,
    encode_structure,
    prose_of,
    with_prose,
)
from fhir_plugin.packages.pack import Pack, write_pack

CORE = "http://hl7.org/fhir/StructureDefinition/"


def test_every_resource_and_data_type_of_r4_has_a_snapshot_whose_paths_begin_with_its_name(r4: Definitions) -> None:
    structures = [s for s in r4.resources("StructureDefinition") if s.get("derivation") != "constraint"]
    resources = [s for s in structures if s["kind"] == "resource" and not s["abstract"]]
    assert len(resources) == 146
    assert len([s for s in structures if s["kind"] == "primitive-type"]) == 20
    for structure in structures:
        paths = [element["path"] for element in structure["snapshot"]["element"]]
        assert paths[0] == structure["type"]
        assert all(path.partition(".")[0] == structure["type"] for path in paths)


def test_every_element_has_id_path_cardinality_and_base(r4: Definitions) -> None:
    for structure in r4.resources("StructureDefinition"):
        for element in structure["snapshot"]["element"]:
            assert {"id", "path", "min", "max", "base"} <= element.keys()
            for entry in element.get("type", ()):
                assert entry["code"]
            for constraint in element.get("constraint", ()):
                assert constraint["key"]
                assert constraint["expression"]
                assert "xpath" not in constraint


def test_the_related_person_is_as_hl7_published_it(r4: Definitions) -> None:
    structure = r4.structure_for_type("RelatedPerson")
    assert structure is not None
    elements = {element["path"]: element for element in structure["snapshot"]["element"]}
    assert elements["RelatedPerson.patient"]["min"] == 1
    assert elements["RelatedPerson.patient"]["type"] == [{"code": "Reference", "targetProfile": [f"{CORE}Patient"]}]
    assert elements["RelatedPerson.gender"]["binding"] == {
        "strength": "required",
        "valueSet": "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1",
    }
    assert elements["RelatedPerson.id"]["base"] == {"path": "Resource.id", "min": 0, "max": "1"}
    keys = [constraint["key"] for constraint in elements["RelatedPerson"]["constraint"]]
    assert set(keys) == {"dom-2", "dom-3", "dom-4", "dom-5", "dom-6"}


def test_content_references_patterns_and_regexes_survive(r4: Definitions) -> None:
    def element(name: str, path: str) -> dict[str, Any]:
        structure = r4.structure_for_type(name)
        assert structure is not None
        return next(entry for entry in structure["snapshot"]["element"] if entry["path"] == path)

    assert element("Bundle", "Bundle.entry.link")["contentReference"] == "#Bundle.link"
    regex = [entry["url"] for entry in element("date", "date.value")["type"][0]["extension"]]
    assert f"{CORE}regex" in regex
    assert element("Patient", "Patient.communication.language")["binding"]["extension"][0]["url"].endswith(
        "maxValueSet"
    )


def test_all_value_sets_that_required_bindings_name_are_there_with_their_systems(r4: Definitions) -> None:
    missing = set()
    for structure in r4.resources("StructureDefinition"):
        for element in structure["snapshot"]["element"]:
            binding = element.get("binding", {})
            if binding.get("strength") == "required" and r4.value_set(binding.get("valueSet", "")) is None:
                missing |= {binding["valueSet"]} if "valueSet" in binding else set()
    assert missing == {"http://loinc.org/vs/LL379-9|4.0.1"}  # LOINC's own; R4 does not publish it


def test_code_systems_keep_displays_dutch_designations_hierarchy_and_properties(r4: Definitions) -> None:
    roles = r4.code_system("http://terminology.hl7.org/CodeSystem/v3-RoleCode")
    assert roles is not None

    def walk(concepts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        found = {}
        for concept in concepts:
            found[concept["code"]] = concept
            found.update(walk(concept.get("concept", [])))
        return found

    found = walk(roles["concept"])
    assert found["AUNT"]["display"] == "aunt"
    assert len(found) > 100
    assert any(concept.get("concept") for concept in found.values())
    gender = r4.code_system("http://hl7.org/fhir/administrative-gender")
    assert gender is not None
    assert [concept["code"] for concept in gender["concept"]] == ["male", "female", "other", "unknown"]


def test_search_parameters_are_given_by_resource_type(r4: Definitions) -> None:
    facts = {entry["code"]: entry for entry in r4.search_parameters("RelatedPerson")}
    assert facts["patient"] == {
        "code": "patient",
        "type": "reference",
        "expression": "RelatedPerson.patient",
        "target": ["Patient"],
    }
    assert r4.search_parameters("Nonsense") == ()


def test_the_words_for_readers_are_kept_apart_and_come_on_request() -> None:
    base = BaseDefinitions()
    plain = base.get("StructureDefinition", f"{CORE}RelatedPerson")
    assert plain is not None
    assert "short" not in plain["snapshot"]["element"][0]
    told = base.with_prose(plain)
    assert (
        told["snapshot"]["element"][0]["short"]
        == "A person that is related to a patient, but who is not a direct target of care"
    )
    assert "short" not in plain["snapshot"]["element"][0]


def test_the_whole_of_r4_ships_in_less_than_700_kb() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.pack")) < 700_000
    assert "CC0" in (FOLDER / "NOTICE.md").read_text()


def test_unknown_kinds_and_urls_are_none(r4: Definitions) -> None:
    assert base_definitions().get("Nonsense", "http://example.org") is None
    assert r4.structure("http://example.org/none") is None
    assert r4.value_set("") is None
    assert list(r4.resources("Nonsense")) == []


def test_equal_documents_make_equal_packs_and_each_is_read_alone(tmp_path: Path) -> None:
    documents = [(f"k{number}", {"n": number, "text": "é" * number}) for number in range(200)]
    sizes = [write_pack(tmp_path / name, [documents[:50], documents[50:]], block_size=8000) for name in ("a", "b")]
    assert sizes[0] == sizes[1]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    pack = Pack(tmp_path / "a")
    assert len(pack) == 200
    assert list(pack) == [key for key, _ in documents]
    assert "k7" in pack
    assert pack.get("k199") == {"n": 199, "text": "é" * 199}
    assert pack.get("none") is None


@pytest.mark.parametrize("content", [None, b"", b"not a pack"])
def test_a_missing_or_foreign_file_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "structures.pack"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PackageError) as caught:
        Pack(path)
    assert "structures.pack" in str(caught.value)


concepts = st.recursive(
    st.fixed_dictionaries({"code": st.text(min_size=1)}, optional={"display": st.text(min_size=1)}),
    lambda children: st.fixed_dictionaries(
        {"code": st.text(min_size=1), "concept": st.lists(children, min_size=1, max_size=3)},
        optional={
            "display": st.text(min_size=1),
            "designation": st.just([{"language": "nl", "value": "Tante"}]),
            "property": st.just([{"code": "status", "valueCode": "retired"}]),
        },
    ),
    max_leaves=8,
)


@given(st.lists(concepts, max_size=4))
def test_a_code_system_comes_back_from_its_compact_form(found: list[dict[str, Any]]) -> None:
    body = {"resourceType": "CodeSystem", "url": "http://example.org/cs", "content": "complete", "concept": found}
    assert decode_code_system(json.loads(json.dumps(encode_code_system(body)))) == body


def test_a_structure_comes_back_from_its_compact_form_with_its_words(r4: Definitions) -> None:
    base = base_definitions()
    for name in ("CareTeam", "Consent", "Provenance", "HumanName", "bodyweight"):
        structure = base.get("StructureDefinition", CORE + name)
        assert structure is not None
        told = base.with_prose(structure)
        table = ConstraintTable()
        compact = json.loads(json.dumps(encode_structure(told, table)))
        again = with_prose(decode_structure(compact, ConstraintTable(table.constraints), "4.0.1"), prose_of(told))
        assert again == told


def test_the_compact_form_is_what_makes_it_small(r4: Definitions) -> None:
    structure = r4.structure_for_type("RelatedPerson")
    assert structure is not None
    compact = encode_structure(structure, ConstraintTable())
    assert len(json.dumps(compact)) * 3 < len(json.dumps(structure))
    assert len(lzma.compress(json.dumps(compact).encode())) < 3000
