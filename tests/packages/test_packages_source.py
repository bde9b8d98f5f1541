"""Reading packages, good and bad."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from package_makers import MakeArchive, manifest, profile

from fhir_plugin.errors import PackageError
from fhir_plugin.packages import load_definitions, read_package, source
from fhir_plugin.packages.cache import cache_folder, find_cached, list_cached, parse_id, resolve_sources
from fhir_plugin.packages.canonical import split, version_key, version_matches
from fhir_plugin.packages.install import install_path
from fhir_plugin.texts import render

ONE = profile("One", "Patient", {"id": "Patient.name", "min": 1})


def test_a_tgz_a_package_folder_and_loose_files_give_the_same_definitions(
    make_archive: MakeArchive, tmp_path: Path
) -> None:
    archive = make_archive("one.tgz", {"package/package.json": manifest(), "package/One.json": ONE})
    folder = tmp_path / "unpacked" / "package"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps(manifest()))
    (folder / "One.json").write_text(json.dumps(ONE))
    loose = tmp_path / "loose" / "deep"
    loose.mkdir(parents=True)
    (loose / "One.json").write_text(json.dumps(ONE))
    read = [read_package(path) for path in (archive, folder.parent, folder, loose.parent, loose / "One.json")]
    assert [[resource.body for resource in package.resources] for package in read] == [[ONE]] * 5
    assert [(package.name, package.version) for package in read[:3]] == [("example.fhir", "1.0.0")] * 3
    assert not any(package.issues for package in read)


def test_examples_schemas_and_hidden_files_are_no_definitions(make_archive: MakeArchive) -> None:
    archive = make_archive(
        "one.tgz",
        {
            "package/package.json": manifest(),
            "package/.index.json": {"files": []},
            "package/One.json": ONE,
            "package/example/Patient-a.json": {"resourceType": "Patient", "id": "a"},
            "package/example/Two.json": ONE,
            "package/openapi/x.schema.json": {"$schema": "x"},
            "package/Patient-b.json": {"resourceType": "Patient", "id": "b"},
            "package/readme.txt": b"hello",
        },
    )
    assert [resource.file for resource in read_package(archive).resources] == ["package/One.json"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", ""),
        (b"[1]", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (b"\xff\xfe{}", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_a_bad_file_is_an_issue_that_names_it_and_the_rest_is_used(
    make_archive: MakeArchive, content: bytes, reason: str
) -> None:
    archive = make_archive(
        "one.tgz", {"package/package.json": manifest(), "package/bad.json": content, "package/One.json": ONE}
    )
    package = read_package(archive)
    assert [resource.body for resource in package.resources] == [ONE]
    (issue,) = package.issues
    assert issue.param("file") == "package/bad.json"
    assert reason in issue.param("reason")
    assert "bad.json" in render(issue, "nl").text
    assert render(issue, "en").remedy


def test_a_byte_order_mark_does_no_harm(make_archive: MakeArchive) -> None:
    archive = make_archive("one.tgz", {"package/One.json": b"\xef\xbb\xbf" + json.dumps(ONE).encode()})
    assert len(read_package(archive).resources) == 1


@pytest.mark.parametrize(
    "name", ["../evil.json", "/etc/evil.json", "package/../../evil.json", "package\\..\\evil.json"]
)
def test_a_name_that_leads_outside_is_refused(make_archive: MakeArchive, name: str) -> None:
    archive = make_archive("one.tgz", {"package/package.json": manifest(), name: ONE})
    with pytest.raises(PackageError) as caught:
        read_package(archive)
    assert caught.value.code == "package-archive"
    assert "one.tgz" in caught.value.where


def test_links_and_devices_are_never_followed(tmp_path: Path) -> None:
    path = tmp_path / "links.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, kind in (("package/a.json", tarfile.SYMTYPE), ("package/b.json", tarfile.CHRTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type = kind
            entry.linkname = "/etc/passwd"
            archive.addfile(entry)
        body = json.dumps(ONE).encode()
        entry = tarfile.TarInfo("package/One.json")
        entry.size = len(body)
        archive.addfile(entry, io.BytesIO(body))
    assert [resource.file for resource in read_package(path).resources] == ["package/One.json"]


def test_an_archive_that_swells_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_TOTAL_BYTES", 1_000_000)
    path = tmp_path / "bomb.tgz"
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("package/a.json")
        entry.size = 3_000_000
        archive.addfile(entry, io.BytesIO(b" " * entry.size))
    assert path.stat().st_size < 10_000
    with pytest.raises(PackageError) as caught:
        read_package(path)
    assert caught.value.code == "package-too-large"


def test_a_single_file_and_a_number_of_files_beyond_bounds_are_refused(
    make_archive: MakeArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive("one.tgz", {"package/One.json": ONE, "package/Two.json": ONE})
    monkeypatch.setattr(source, "MAX_FILE_BYTES", 100)
    with pytest.raises(PackageError, match="larger"):
        read_package(archive)
    monkeypatch.setattr(source, "MAX_FILE_BYTES", 10_000)
    monkeypatch.setattr(source, "MAX_FILES", 1)
    with pytest.raises(PackageError, match="larger"):
        read_package(archive)


@pytest.mark.parametrize(
    "content", [b"", b"hello", gzip.compress(b"hello", mtime=0), gzip.compress(b"x" * 2000, mtime=0)[:-12]]
)
def test_what_is_no_archive_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.tgz"
    path.write_bytes(content)
    with pytest.raises(PackageError) as caught:
        read_package(path)
    assert "wrong.tgz" in str(caught.value)
    assert caught.value.remedy


def test_a_missing_or_empty_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="no such package"):
        read_package(tmp_path / "none.tgz")
    with pytest.raises(PackageError, match="Nothing in it"):
        read_package(tmp_path)
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(PackageError, match="First problem"):
        read_package(tmp_path)


def test_the_digest_follows_the_content_not_the_order(make_archive: MakeArchive) -> None:
    two = profile("Two", "Patient")
    first = make_archive("a.tgz", {"package/1.json": ONE, "package/2.json": two})
    second = make_archive("b.tgz", {"package/2.json": two, "package/1.json": ONE})
    third = make_archive("c.tgz", {"package/1.json": ONE, "package/2.json": {**two, "title": "x"}})
    digests = [read_package(path).digest for path in (first, second, third)]
    assert digests[0] == digests[1] != digests[2]
    hashes = [load_definitions([path]).content_hash for path in (first, second, third)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert load_definitions().content_hash != hashes[0]


def test_dependencies_come_from_the_cache_and_missing_ones_are_said(make_archive: MakeArchive, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    other = cache / "other.fhir#1.0.2" / "package"
    other.mkdir(parents=True)
    (other / "package.json").write_text(
        json.dumps(manifest("other.fhir", "1.0.2", dependencies={"third.fhir": "3.0.0", "example.fhir": "1.0.0"}))
    )
    (other / "Two.json").write_text(json.dumps(profile("Two", "Patient")))
    dependencies = {"other.fhir": "1.0.x", "hl7.fhir.r4.core": "4.0.1"}
    archive = make_archive(
        "one.tgz", {"package/package.json": manifest(dependencies=dependencies), "package/One.json": ONE}
    )
    definitions = load_definitions([archive], own=False, cache=cache)
    assert [package.name for package in definitions.packages] == ["example.fhir", "other.fhir"]
    assert definitions.structure("http://example.org/StructureDefinition/Two") is not None
    (issue,) = definitions.issues
    assert issue.code == "package-dependency"
    assert issue.param("dependency") == "third.fhir#3.0.0"
    assert "third.fhir#3.0.0" in render(issue, "nl").text


@pytest.mark.parametrize("mark", ["#", "-"])
def test_dependencies_are_found_beside_the_package(make_archive: MakeArchive, tmp_path: Path, mark: str) -> None:
    make_archive(
        f"other.fhir{mark}1.0.0.tgz", {"package/package.json": manifest("other.fhir"), "package/One.json": ONE}
    )
    archive = make_archive("one.tgz", {"package/package.json": manifest(dependencies={"other.fhir": "1.0.0"})})
    definitions = load_definitions([archive], own=False, cache=tmp_path / "cache")
    assert [package.name for package in definitions.packages] == ["example.fhir", "other.fhir"]
    assert definitions.issues == ()


@pytest.mark.parametrize("name", ["../other", "/etc/passwd", "@scope/other"])
def test_the_name_of_a_dependency_leads_nowhere_else(make_archive: MakeArchive, tmp_path: Path, name: str) -> None:
    archive = make_archive(
        "one.tgz", {"package/package.json": manifest(dependencies={name: "1"}), "package/One.json": ONE}
    )
    (issue,) = load_definitions([archive], own=False, cache=tmp_path / "cache").issues
    assert issue.code == "package-dependency"


def test_a_dependency_that_cannot_be_read_is_an_issue(make_archive: MakeArchive, tmp_path: Path) -> None:
    other = tmp_path / "cache" / "other.fhir#1.0.0" / "package"
    other.mkdir(parents=True)
    (other / "package.json").write_text("{")
    archive = make_archive(
        "one.tgz", {"package/package.json": manifest(dependencies={"other.fhir": "1.0.0"}), "package/One.json": ONE}
    )
    (issue,) = load_definitions([archive], cache=tmp_path / "cache").issues
    assert issue.code == "package-empty"
    assert "other.fhir#1.0.0" in render(issue, "en").text


def test_a_package_is_named_in_the_cache_by_name_and_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_PACKAGE_CACHE", str(tmp_path))
    for version in ("1.2.0", "1.10.0", "1.10.0-beta", "2.0.0"):
        folder = tmp_path / f"a.b#{version}" / "package"
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps(manifest("a.b", version)))
        (folder / "One.json").write_text(json.dumps(ONE))
    (tmp_path / "broken#1").mkdir()
    assert cache_folder() == tmp_path
    assert [version for _, version, _ in list_cached()] == ["1.2.0", "1.10.0-beta", "1.10.0", "2.0.0"]
    assert find_cached("a.b", "1.x") == tmp_path / "a.b#1.10.0"
    assert find_cached("a.b", "latest") == tmp_path / "a.b#2.0.0"
    assert find_cached("a.b", "3.0.0") is None
    assert load_definitions(["a.b#1.2.0"], own=False).packages[0].version == "1.2.0"
    with pytest.raises(PackageError, match="not in the FHIR cache"):
        load_definitions(["a.b@9.9.9"])


@pytest.mark.parametrize("text", ["", "a", "a#", "#1", "../a#1", "a/../b#1", "a#../1", "a b#1", "/a#1", "a#1/2"])
def test_what_is_no_package_id_is_not_taken_for_one(text: str) -> None:
    assert parse_id(text) is None


def test_versions_sort_and_match_as_package_versions_do() -> None:
    versions = ["", "0.9", "1.0.0-alpha", "1.0.0-beta.2", "1.0.0-beta.10", "1.0.0", "1.2", "1.10"]
    assert sorted(set(versions), key=version_key) == versions
    assert split("http://a|1#frag") == ("http://a", "1#frag")
    assert split("http://a#frag|1") == ("http://a", "1")
    assert version_matches("4.0.1", "4.0")
    assert version_matches("4.0.1", "4.0.x")
    assert not version_matches("4.0.10", "4.0.1")
    assert not version_matches("40.1", "4.0")
    assert version_matches("", "")


@pytest.mark.parametrize("noise", [True, False])
def test_an_archive_that_was_damaged_anywhere_is_refused(make_archive: MakeArchive, noise: bool) -> None:
    filler = Random(1).randbytes(20_000) if noise else Random(1).randbytes(20_000).hex().encode()
    path = make_archive("one.tgz", {"package/package.json": manifest(), "package/One.json": ONE, "package/f": filler})
    content = path.read_bytes()
    header = 10 + len("one.tgz") + 1
    for place in range(header, len(content), len(content) // 60):
        damaged = bytearray(content)
        damaged[place] ^= 0x40
        for version in (bytes(damaged), content[:place]):
            path.write_bytes(version)
            with pytest.raises(PackageError) as caught:
                read_package(path)
            assert "one.tgz" in str(caught.value)


def test_an_archive_that_is_two_packages_is_refused(make_archive: MakeArchive) -> None:
    archive = make_archive(
        "two.tgz", {"package.json": manifest("a.b"), "package/package.json": manifest("c.d"), "package/One.json": ONE}
    )
    with pytest.raises(PackageError) as caught:
        read_package(archive)
    assert caught.value.code == "package-ambiguous"


@pytest.mark.parametrize("junk", [None, True, 3, [], {}, ["x"], {"a": [1]}, "x" * 100_000, "1.\u00b2", "../../x"])
@pytest.mark.parametrize("key", ["name", "version", "dependencies", "fhirVersions"])
def test_whatever_a_manifest_says_is_an_answer_or_an_error_of_ours_and_stays_in_the_cache(
    make_archive: MakeArchive, tmp_path: Path, key: str, junk: Any
) -> None:
    archive = make_archive("one.tgz", {"package/package.json": {**manifest(), key: junk}, "package/One.json": ONE})
    before = set(tmp_path.iterdir())
    with suppress(PackageError):
        install_path(archive, tmp_path / "cache")
        load_definitions([archive], own=False)
        assert [name for name, _, _ in list_cached(tmp_path / "cache")] == ["example.fhir"]
    assert set(tmp_path.iterdir()) - before <= {tmp_path / "cache"}
    assert not list((tmp_path / "cache").glob(".new-*"))


def test_packages_that_need_each_other_are_each_read_once(make_archive: MakeArchive, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for name, other in (("a.a", "b.b"), ("b.b", "a.a")):
        files = {"package/package.json": manifest(name, dependencies={other: "1.0.0"}), "package/One.json": ONE}
        install_path(make_archive(f"{name}.tgz", files), cache)
    packages, issues = resolve_sources(["a.a#1.0.0"], cache)
    assert sorted(package.name for package in packages) == ["a.a", "b.b"]
    assert not issues


def test_a_hard_link_is_never_followed(tmp_path: Path) -> None:
    path = tmp_path / "link.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in (("package/package.json", json.dumps(manifest())), ("package/One.json", json.dumps(ONE))):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
        link = tarfile.TarInfo("package/passwd.json")
        link.type, link.linkname = tarfile.LNKTYPE, "/etc/passwd"
        archive.addfile(link)
    install_path(path, tmp_path / "cache")
    assert not list(tmp_path.rglob("passwd.json"))


def test_a_version_of_odd_digits_sorts_without_an_exception() -> None:
    assert sorted(["1.\u00b2", "1.10", "1." + "9" * 5_000, "1.2"], key=version_key)
