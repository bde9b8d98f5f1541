"""Which definition a canonical means, and what happens with those that cannot be used."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from package_makers import CORE, EXAMPLE, MakeArchive, manifest, profile

from fhir_plugin.errors import PackageError
from fhir_plugin.model import terms
from fhir_plugin.packages import Definitions, Package, load_definitions, profiles_dir
from fhir_plugin.packages.source import Resource


def value_set(version: str, url: str = "http://example.org/ValueSet/v") -> dict[str, object]:
    return {"resourceType": "ValueSet", "id": f"v-{version}", "url": url, "version": version, "status": "active"}


def test_without_version_the_highest_one_is_meant_and_with_version_that_one(define: Callable[..., Definitions]) -> None:
    definitions = define(*(value_set(version) for version in ("1.9.0", "1.10.0", "1.10.0-beta", "0.1.0")))

    def version(canonical: str) -> str | None:
        found = definitions.value_set(canonical)
        return None if found is None else str(found["version"])

    url = "http://example.org/ValueSet/v"
    assert version(url) == "1.10.0"
    assert version(f"{url}|1.9.0") == "1.9.0"
    assert version(f"{url}|1.9") == "1.9.0"
    assert version(f"{url}|1.10.0-beta") == "1.10.0-beta"
    assert version(f"{url}|2.0.0") is None


def test_a_package_may_redefine_what_r4_defines_and_the_version_still_decides(
    define: Callable[..., Definitions],
) -> None:
    url = "http://hl7.org/fhir/ValueSet/administrative-gender"
    definitions = define(value_set("9.0.0", url))
    assert definitions.value_set(url)["version"] == "9.0.0"  # type: ignore[index]
    assert definitions.value_set(f"{url}|4.0.1")["name"] == "AdministrativeGender"  # type: ignore[index]
    listed = [body for body in definitions.resources("ValueSet") if body["url"] == url]
    assert [body["version"] for body in listed] == ["9.0.0"]


def test_r4_answers_to_its_own_version_even_for_the_sets_that_carry_another(r4: Definitions) -> None:
    url = "http://terminology.hl7.org/ValueSet/v3-NullFlavor"
    plain = r4.value_set(url)
    assert plain is not None
    assert plain["version"] != "4.0.1"
    assert r4.value_set(f"{url}|4.0.1") is plain
    assert r4.structure(f"{CORE}Patient|4.0") is r4.structure(f"{CORE}Patient")
    assert r4.structure(f"{CORE}Patient|5.0.0") is None


def test_our_own_package_is_always_there_and_others_come_before_it(tmp_path: Path) -> None:
    ours = load_definitions()
    assert ours.structure(terms.Profiles.FIGURE) is not None
    assert not ours.issues
    changed = profile("figure", "RelatedPerson", url=terms.Profiles.FIGURE, version="99.0.0")
    (tmp_path / "figure.json").write_text(json.dumps(changed))
    theirs = load_definitions([tmp_path])
    assert theirs.structure(terms.Profiles.FIGURE)["version"] == "99.0.0"  # type: ignore[index]
    assert load_definitions(own=False).structure(terms.Profiles.FIGURE) is None


def test_our_profiles_are_found_in_the_checkout() -> None:
    folder = profiles_dir()
    assert folder is not None
    assert (folder / "package.json").is_file()


def test_all_our_profiles_have_a_snapshot_that_says_everything_they_say() -> None:
    definitions = load_definitions()
    for body in definitions.resources("StructureDefinition", base=False):
        structure = definitions.structure(body["url"])
        assert structure is not None
        ids = {element["id"] for element in structure["snapshot"]["element"]}
        assert {element["id"] for element in body["differential"]["element"]} <= ids, body["url"]
    assert not definitions.issues


def test_a_profile_that_builds_on_itself_is_an_error_that_names_it(define: Callable[..., Definitions]) -> None:
    definitions = define(profile("a", f"{EXAMPLE}b", {"id": "Patient"}), profile("b", f"{EXAMPLE}a", {"id": "Patient"}))
    for name in ("a", "b", "a"):
        with pytest.raises(PackageError) as caught:
            definitions.structure(EXAMPLE + name)
        assert caught.value.code == "snapshot-circular"
    assert definitions.structure_for_type("Patient") is not None


def test_a_profile_of_something_unknown_is_an_error_that_names_both(define: Callable[..., Definitions]) -> None:
    definitions = define(profile("a", f"{EXAMPLE}nowhere", {"id": "Patient"}))
    with pytest.raises(PackageError) as caught:
        definitions.structure(f"{EXAMPLE}a")
    assert caught.value.code == "snapshot-base-unknown"
    assert f"{EXAMPLE}a" in str(caught.value)
    assert "nowhere" in str(caught.value)


@pytest.mark.parametrize(
    "broken",
    [
        {"differential": {"element": [{}]}},
        {"differential": {"element": [{"path": 7}]}},
        {"differential": {"element": "x"}},
        {"differential": []},
        {"differential": {"element": [{"path": "Patient.name", "max": "many"}]}},
        {"differential": {"element": [{"path": "Patient.name", "constraint": [3]}]}},
        {"baseDefinition": None},
        {"baseDefinition": 5},
    ],
)
def test_a_malformed_profile_is_an_error_of_ours_never_a_crash(
    define: Callable[..., Definitions], broken: dict[str, object]
) -> None:
    definitions = define({**profile("a", "Patient"), **broken})
    with pytest.raises(PackageError) as caught:
        definitions.structure(f"{EXAMPLE}a")
    assert caught.value.remedy


def test_what_a_differential_says_of_nothing_is_an_issue_and_the_rest_counts(
    define: Callable[..., Definitions],
) -> None:
    definitions = define(
        profile("a", "Patient", {"id": "Patient.nonsense", "min": 1}, {"id": "Patient.birthDate", "min": 1})
    )
    structure = definitions.structure(f"{EXAMPLE}a")
    assert structure is not None
    assert [
        element["min"] for element in structure["snapshot"]["element"] if element["path"] == "Patient.birthDate"
    ] == [1]
    (issue,) = definitions.issues
    assert issue.code == "snapshot-element"
    assert issue.param("element") == "Patient.nonsense"
    assert issue.source == f"{EXAMPLE}a"


def test_a_snapshot_is_made_once_and_is_the_same_for_all_threads(define: Callable[..., Definitions]) -> None:
    definitions = define(
        *(profile(f"p{n}", f"{EXAMPLE}p{n - 1}" if n else "Patient", {"id": "Patient"}) for n in range(20))
    )
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(definitions.structure(f"{EXAMPLE}p19"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(entry is found[0] for entry in found)


def test_a_snapshot_that_the_package_brings_is_used_as_it_is(make_archive: MakeArchive) -> None:
    made = {
        **profile("a", "Patient"),
        "snapshot": {"element": [{"id": "Patient", "path": "Patient", "min": 0, "max": "*"}]},
    }
    archive = make_archive("a.tgz", {"package/package.json": manifest(), "package/a.json": made})
    structure = load_definitions([archive]).structure(f"{EXAMPLE}a")
    assert structure is not None
    assert len(structure["snapshot"]["element"]) == 1


def test_extensions_may_hold_each_other(define: Callable[..., Definitions]) -> None:
    def holding(name: str, other: str) -> dict[str, object]:
        inner = {"id": f"Extension.extension:{other}", "type": [{"code": "Extension", "profile": [EXAMPLE + other]}]}
        return profile(name, "Extension", {"id": "Extension", "short": name}, inner, kind="complex-type")

    definitions = define(holding("a", "b"), holding("b", "a"), holding("c", "c"))
    for name in "abc":
        structure = definitions.structure(EXAMPLE + name)
        assert structure is not None
        assert any(element.get("sliceName") for element in structure["snapshot"]["element"])


def test_a_broken_extension_does_not_break_the_profile_that_uses_it(define: Callable[..., Definitions]) -> None:
    broken = profile("broken", f"{EXAMPLE}nowhere", {"id": "Extension"})
    slice_ = {"id": "Patient.extension:x", "type": [{"code": "Extension", "profile": [f"{EXAMPLE}broken"]}]}
    definitions = define(broken, profile("a", "Patient", slice_, {"id": "Patient.extension:x.value[x]", "min": 1}))
    structure = definitions.structure(f"{EXAMPLE}a")
    assert structure is not None
    assert "Patient.extension:x.value[x]" in [element["id"] for element in structure["snapshot"]["element"]]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    [
        "id",
        "path",
        "sliceName",
        "min",
        "max",
        "type",
        "slicing",
        "binding",
        "constraint",
        "contentReference",
        "extension",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(data=st.data())
def test_whatever_stands_in_a_differential_gives_a_snapshot_or_an_error_of_ours(data: st.DataObject) -> None:
    own = load_definitions().structure(terms.Profiles.FIGURE) or {}
    elements = [dict(element) for element in own["differential"]["element"]]
    for _ in range(data.draw(st.integers(1, 4))):
        element = elements[data.draw(st.integers(0, len(elements) - 1))]
        element[data.draw(fields)] = data.draw(json_values)
    body = {key: value for key, value in own.items() if key != "snapshot"} | {"differential": {"element": elements}}
    found = verdict(body)
    assert found == "RelatedPerson" or found.startswith("snapshot-")


def verdict(body: dict[str, object]) -> str:
    """The root of the snapshot, or the code of the error."""
    package = Package(name="fuzz", resources=(Resource(file="x", body=body),))
    try:
        structure = Definitions(([package],)).structure(str(body["url"]))
    except PackageError as error:
        return error.code
    return "" if structure is None else str(structure["snapshot"]["element"][0]["path"])
