"""Packages from a registry: the FHIR npm protocol against a registry of our own on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from package_makers import MakeArchive, manifest, profile

from fhir_plugin.cli.package import package_command
from fhir_plugin.conformance import registry
from fhir_plugin.conformance.registry import download
from fhir_plugin.errors import PackageError, UsageError
from fhir_plugin.packages.cache import list_cached


@dataclass
class Stub:
    """Answers by path: a body, or (status, headers, body); remembers what was asked."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def publish(self, name: str, archives: dict[str, bytes], **dist: Any) -> None:
        versions = {}
        for version, content in archives.items():
            self.answers[f"/{name}/{version}"] = content
            versions[version] = {
                "name": name,
                "version": version,
                "dist": {"tarball": f"{self.url}/{name}/{version}", **dist},
            }
        self.answers[f"/{name}"] = json.dumps({"_id": name, "name": name, "versions": versions}).encode()


@pytest.fixture
def stub() -> Iterator[Stub]:
    state = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            answer = state.answers.get(self.path, (404, {}, b"no"))
            status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def archive(make_archive: MakeArchive) -> bytes:
    files = {"package/package.json": manifest("a.fhir", "1.10.0"), "package/One.json": profile("One", "Patient")}
    return make_archive("a.tgz", files).read_bytes()


def test_a_package_is_added_from_a_registry_by_name_and_version(
    stub: Stub, archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FHIR_PACKAGE_CACHE", str(tmp_path / "cache"))
    stub.publish("a.fhir", {"1.10.0": archive})
    command = ["add", "a.fhir@1.10.0", "--registry", stub.url, "--format", "json"]
    result = CliRunner().invoke(package_command, command, catch_exceptions=False)
    assert json.loads(result.output)["definitions"] == 1
    assert [row[:2] for row in list_cached()] == [("a.fhir", "1.10.0")]
    assert stub.asked == ["/a.fhir", "/a.fhir/1.10.0"]
    again = CliRunner().invoke(package_command, ["add", "a.fhir#1.10.0"], catch_exceptions=False)
    assert again.output == "a.fhir#1.10.0: 1 definitions\n"
    assert len(stub.asked) == 2


def test_a_package_that_is_nowhere_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_PACKAGE_CACHE", str(tmp_path))
    result = CliRunner().invoke(package_command, ["add", "a.fhir@1.0.0"])
    assert isinstance(result.exception, UsageError)
    assert "--registry" in result.exception.remedy


def test_the_highest_fitting_version_is_taken(stub: Stub, archive: bytes) -> None:
    stub.publish("a.fhir", {"1.9.0": b"", "1.10.0": archive, "2.0.0-beta": b""})
    assert download(stub.url, "a.fhir", "1.x") == (archive, ("a.fhir", "1.10.0"))
    assert download(f"{stub.url}/", "a.fhir", "1.10.0")[1] == ("a.fhir", "1.10.0")
    with pytest.raises(PackageError, match=r"no version 3\.0\.0"):
        download(stub.url, "a.fhir", "3.0.0")


def test_a_package_that_says_it_is_another_one_is_not_added(
    stub: Stub, archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FHIR_PACKAGE_CACHE", str(tmp_path / "cache"))
    stub.publish("other.fhir", {"1.10.0": archive})
    result = CliRunner().invoke(package_command, ["add", "other.fhir@1.10.0", "--registry", stub.url])
    assert isinstance(result.exception, PackageError)
    assert result.exception.code == "package-mismatch"
    assert list_cached() == []


def test_nothing_is_fetched_from_another_host_than_the_registry(stub: Stub, archive: bytes) -> None:
    stub.publish("a.fhir", {"1.10.0": archive}, tarball="http://127.0.0.1:1/a.tgz")
    with pytest.raises(PackageError, match="another host"):
        download(stub.url, "a.fhir", "1.10.0")
    stub.answers["/b.fhir"] = (302, {"Location": "http://localhost:1/b.fhir"}, b"")
    with pytest.raises(PackageError, match="another host"):
        download(stub.url, "b.fhir", "1.0.0")
    assert stub.asked == ["/a.fhir", "/b.fhir"]


def test_a_redirect_within_the_registry_is_followed_but_not_for_ever(stub: Stub, archive: bytes) -> None:
    stub.publish("a.fhir", {"1.10.0": archive})
    stub.answers["/old"] = (301, {"Location": "/a.fhir"}, b"")
    stub.answers["/loop"] = (302, {"Location": "/loop"}, b"")
    assert download(stub.url, "old", "1.10.0")[0] == archive
    with pytest.raises(PackageError, match="redirecting"):
        download(stub.url, "loop", "1")
    assert stub.asked.count("/loop") == registry.MAX_REDIRECTS + 1


def test_an_archive_that_differs_from_its_digest_is_refused(stub: Stub, archive: bytes) -> None:
    right = {
        "shasum": hashlib.sha1(archive).hexdigest(),
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode(),
    }
    stub.publish("a.fhir", {"1.10.0": archive}, **right)
    assert download(stub.url, "a.fhir", "1.10.0")[0] == archive
    for wrong in ({"shasum": "0" * 40}, {"integrity": "sha512-AAAA"}, {"integrity": "sha512-"}):
        stub.publish("a.fhir", {"1.10.0": archive}, **{**right, **wrong})
        with pytest.raises(PackageError, match="not the one"):
            download(stub.url, "a.fhir", "1.10.0")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"versions": []}',
        b'{"versions": {"x": 1}}',
        b"[" * 99_999,
        (500, {}, b""),
        (404, {}, b""),
    ],
)
def test_an_answer_that_is_no_package_list_is_an_error_of_ours(stub: Stub, answer: Any) -> None:
    stub.answers["/a.fhir"] = answer
    with pytest.raises(PackageError) as caught:
        download(stub.url, "a.fhir", "1.0.0")
    assert caught.value.remedy


def test_an_answer_without_end_is_cut_off(stub: Stub, archive: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_ARCHIVE_BYTES", 1000)
    stub.answers["/a.fhir"] = b"x" * 5000
    with pytest.raises(PackageError, match="larger"):
        download(stub.url, "a.fhir", "1.0.0")


def test_a_registry_that_is_not_there_or_no_url_is_said() -> None:
    with pytest.raises(PackageError, match="cannot be reached"):
        download("http://127.0.0.1:1", "a.fhir", "1.0.0")
    for url in ("", "file:///etc", "example"):
        with pytest.raises(UsageError):
            download(url, "a.fhir", "1.0.0")


@pytest.mark.parametrize("address", ["http://[::1", "http://host:99999/x", "//[", "file:///etc/passwd"])
def test_an_address_that_is_no_url_is_an_error_of_ours(stub: Stub, address: str) -> None:
    stub.publish("example.fhir", {"1.0.0": b""}, tarball=address)
    with pytest.raises(PackageError):
        download(stub.url, "example.fhir", "1.0.0")
    stub.answers["/example.fhir"] = (302, {"Location": address}, b"")
    with pytest.raises(PackageError):
        download(stub.url, "example.fhir", "1.0.0")
    with pytest.raises(UsageError):
        download(address, "example.fhir", "1.0.0")


@pytest.mark.parametrize("version", ["1.\u00b2", "9" * 5_000, "", "../x"])
def test_a_version_that_is_none_is_no_exception(stub: Stub, version: str) -> None:
    stub.publish("example.fhir", {"1.0.0": b"", version: b""})
    with suppress(PackageError):
        download(stub.url, "example.fhir", "latest")


def test_an_empty_cache_says_how_to_fill_it_and_stays_json_for_programs(tmp_path, monkeypatch):
    monkeypatch.setenv("FHIR_PACKAGE_CACHE", str(tmp_path))
    said = CliRunner().invoke(package_command, ["list"])
    assert (said.exit_code, "package add" in said.stderr, said.stdout) == (0, True, "")
    assert json.loads(CliRunner().invoke(package_command, ["list", "--format", "json"]).stdout) == []
