"""Our package as vendors get it, and the command that makes it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from package_makers import MakeArchive, manifest, profile

from fhir_plugin.cli.package import package_command
from fhir_plugin.errors import PackageError, UsageError
from fhir_plugin.model import terms
from fhir_plugin.packages import build, load_definitions
from fhir_plugin.packages.build import build_package
from fhir_plugin.packages.cache import find_cached
from fhir_plugin.packages.install import install_path
from fhir_plugin.validation import Validator

Json = dict[str, Any]


def opened(content: bytes) -> dict[str, Json]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        return {member.name: json.load(archive.extractfile(member)) for member in archive}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def built() -> bytes:
    return build_package()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FHIR_PACKAGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_two_builds_are_the_same_bytes_also_from_another_folder_and_process(built: bytes, tmp_path: Path) -> None:
    out = tmp_path / "other.tgz"
    code = "from fhir_plugin.cli.main import main; main()"
    subprocess.run(
        [sys.executable, "-c", code, "package", "build", "--out", str(out)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "SOURCE_DATE_EPOCH": "86400"},
        umask=0o077,
        check=True,
        capture_output=True,
    )
    assert out.read_bytes() == built == build_package()


def test_a_rebased_package_loads_and_its_examples_hold_by_its_own_profiles(tmp_path: Path) -> None:
    package = tmp_path / "rebased.tgz"
    package.write_bytes(build_package("https://example.org/fhir"))
    validator = Validator.load(packages=[package])
    examples = [body for name, body in opened(package.read_bytes()).items() if name.startswith("package/example/")]
    claims = [body for body in examples if "https://example.org/fhir" in str(body.get("meta", {}).get("profile"))]

    assert len(claims) > 10
    for body in claims[::5]:
        report = validator.validate(body)
        assert not report.has_errors, (body["id"], [(issue.code, issue.expression) for issue in report])


def test_the_package_states_itself_and_indexes_its_files(built: bytes) -> None:
    files = opened(built)
    stated = files["package/package.json"]
    assert stated["fhirVersions"] == ["4.0.1"]
    assert stated["canonical"] == terms.BASE
    for folder in ("package", "package/example"):
        index = files[f"{folder}/.index.json"]
        names = {entry["filename"] for entry in index["files"]}
        assert names == {
            name.rpartition("/")[2]
            for name in files
            if name.rpartition("/")[0] == folder and not name.endswith(("package.json", ".index.json"))
        }
        for entry in index["files"]:
            body = files[f"{folder}/{entry['filename']}"]
            assert (entry["resourceType"], entry["id"]) == (body["resourceType"], body["id"])
            assert entry.get("url") == body.get("url")


def test_every_profile_in_the_package_has_a_snapshot_with_words_in_the_order_of_the_standard(built: bytes) -> None:
    structures = [body for body in opened(built).values() if body.get("resourceType") == "StructureDefinition"]
    assert {terms.Profiles.FIGURE, terms.Profiles.NETWORK, terms.Profiles.CONSENT} <= {
        body["url"] for body in structures
    }
    for body in structures:
        names = list(body)
        assert names[-2:] == ["snapshot", "differential"]
        for element in body["snapshot"]["element"]:
            assert list(element)[:2] == ["id", "path"] or list(element)[:3] == ["id", "extension", "path"]
            assert element["short"], element["id"]
            assert element["definition"], element["id"]


def test_what_is_built_loads_and_means_the_same_as_the_source(built: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ours.tgz"
    path.write_bytes(built)
    theirs, ours = load_definitions([path], own=False), load_definitions()
    bodies = list(ours.resources("StructureDefinition", base=False))
    assert len(bodies) == len(list(theirs.resources("StructureDefinition", base=False)))
    for body in bodies:
        mine, other = ours.structure(body["url"]), theirs.structure(body["url"])
        assert mine is not None
        assert other is not None
        for first, second in zip(mine["snapshot"]["element"], other["snapshot"]["element"], strict=True):
            for key in ("id", "path", "sliceName", "slicing", "min", "max", "type", "constraint", "binding"):
                assert first.get(key) == second.get(key)


def test_a_rebased_package_names_the_other_base_everywhere_and_ours_nowhere() -> None:
    content = build_package("https://example.org/fhir/")
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        text = b"".join(archive.extractfile(member).read() for member in archive).decode()  # type: ignore[union-attr]
    assert terms.BASE not in text
    assert "https://example.org/fhir/StructureDefinition/SupportFigure" in text
    assert "https://example.org/fhir//" not in text
    assert opened(content)["package/package.json"]["canonical"] == "https://example.org/fhir"
    assert content == build_package("https://example.org/fhir")


@pytest.mark.parametrize(
    "canonical", ["example.org", "ftp://example.org", "https://", "https://a b", "https://a?x", "https://a#x"]
)
def test_a_base_that_is_no_url_is_refused(canonical: str) -> None:
    with pytest.raises(UsageError):
        build_package(canonical)


def test_without_our_profiles_there_is_nothing_to_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "profiles_dir", lambda: None)
    with pytest.raises(PackageError, match="not there"):
        build_package()


def test_archive_entries_carry_no_time_owner_or_place(built: bytes) -> None:
    assert built[4:8] == b"\0\0\0\0"
    with tarfile.open(fileobj=io.BytesIO(built), mode="r:gz") as archive:
        for member in archive:
            assert (member.mtime, member.uid, member.gid, member.uname, member.mode) == (0, 0, 0, "", 0o644)
            assert member.name.startswith("package/")


def test_the_command_builds_says_what_it_made_and_leaves_nothing_else(built: bytes, tmp_path: Path) -> None:
    out = tmp_path / "p.tgz"
    result = CliRunner().invoke(
        package_command, ["build", "--out", str(out), "--format", "json"], catch_exceptions=False
    )
    facts = json.loads(result.output)
    assert facts["bytes"] == len(built) == out.stat().st_size
    assert facts["name"] == "steunfiguren.fhir.r4"
    assert [path.name for path in tmp_path.iterdir()] == ["p.tgz"]
    text = CliRunner().invoke(package_command, ["build", "--out", str(out)], catch_exceptions=False).output
    assert "steunfiguren.fhir.r4#" in text


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(package_command, ["build", "--out", str(tmp_path / "none" / "p.tgz")])
    assert isinstance(result.exception, UsageError)
    assert "There is no folder" in str(result.exception)


def test_an_added_package_is_listed_found_and_loaded_by_name(built: bytes, tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "ours.tgz"
    path.write_bytes(built)
    run = CliRunner().invoke
    added = json.loads(run(package_command, ["add", str(path), "--format", "json"], catch_exceptions=False).output)
    identity = f"{added['name']}#{added['version']}"
    assert run(package_command, ["list"], catch_exceptions=False).output == f"{identity}\n"
    (row,) = json.loads(run(package_command, ["list", "--format", "json"], catch_exceptions=False).output)
    assert row["folder"] == str(cache / identity)
    definitions = load_definitions([identity], own=False)
    assert definitions.structure(terms.Profiles.FIGURE) is not None
    assert (cache / identity / "package" / "example").is_dir()
    assert sorted(path.name for path in cache.iterdir()) == [identity]


def test_adding_says_what_is_missing_and_what_cannot_be_used(make_archive: MakeArchive, cache: Path) -> None:
    archive = make_archive(
        "x.tgz",
        {
            "package/package.json": manifest(dependencies={"other.fhir": "1.0.0"}),
            "package/One.json": profile("One", "Patient"),
            "package/bad.json": b"{",
        },
    )
    result = CliRunner().invoke(package_command, ["add", str(archive)], catch_exceptions=False)
    assert "other.fhir#1.0.0" in result.output
    assert "bad.json" in result.output
    english = CliRunner().invoke(
        package_command, ["add", str(archive), "--lang", "en", "--format", "json"], catch_exceptions=False
    )
    assert any("builds on other.fhir#1.0.0" in text for text in json.loads(english.output)["issues"])


def test_a_file_that_is_no_package_is_wrong_usage_and_named_as_it_was_given(tmp_path: Path, cache: Path) -> None:
    wrong = tmp_path / "wrong.tgz"
    wrong.write_bytes(b"no archive")
    error = CliRunner().invoke(package_command, ["add", str(wrong)]).exception
    assert isinstance(error, PackageError)
    assert (error.where, error.exit_code) == (str(wrong), 2)


def test_an_unpacked_package_can_be_added_and_replaces_the_old_one_whole(tmp_path: Path, cache: Path) -> None:
    root = tmp_path / "mine" / "package"
    root.mkdir(parents=True)
    (root / "package.json").write_text(json.dumps(manifest()))
    (root / "One.json").write_text(json.dumps(profile("One", "Patient")))
    install_path(root.parent)
    (root / "One.json").rename(root / "Two.json")
    install_path(root.parent)
    folder = find_cached("example.fhir", "1.0.0")
    assert folder is not None
    assert sorted(path.name for path in (folder / "package").iterdir()) == ["Two.json", "package.json"]
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize(
    "stated", [{}, {"name": "x"}, {"version": "1"}, manifest("../x"), manifest("x", "../1"), manifest("x", "")]
)
def test_a_package_without_usable_name_and_version_is_not_added(
    make_archive: MakeArchive, cache: Path, stated: Json
) -> None:
    archive = make_archive("x.tgz", {"package/package.json": stated, "package/One.json": profile("One", "Patient")})
    with pytest.raises(PackageError) as caught:
        install_path(archive)
    assert caught.value.code == "package-unnamed"
    assert not cache.exists() or not list(cache.iterdir())


def test_a_package_that_breaks_off_leaves_the_cache_as_it_was(make_archive: MakeArchive, cache: Path) -> None:
    good = make_archive("good.tgz", {"package/package.json": manifest(), "package/One.json": profile("One", "Patient")})
    install_path(good)
    before = sorted(str(path) for path in cache.rglob("*"))
    bad = make_archive("bad.tgz", {"package/package.json": manifest(), "package/big.bin": os.urandom(50_000)})
    bad.write_bytes(bad.read_bytes()[:20_000])
    with pytest.raises(PackageError):
        install_path(bad)
    assert sorted(str(path) for path in cache.rglob("*")) == before


def test_a_cache_that_cannot_be_written_is_said(
    make_archive: MakeArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FHIR_PACKAGE_CACHE", str(tmp_path / "file" / "cache"))
    archive = make_archive("x.tgz", {"package/package.json": manifest(), "package/One.json": profile("One", "Patient")})
    with pytest.raises(PackageError) as caught:
        install_path(archive)
    assert caught.value.code == "package-cache"
