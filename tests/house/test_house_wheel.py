"""The built wheel, installed in a clean environment and used from another folder."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    work = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(work), str(ROOT)]
    subprocess.run(build, check=True)
    (wheel,) = work.glob("steunfiguren-*.whl")
    venv.create(work / "env", with_pip=True)
    pip = [str(work / "env" / "bin" / "python"), "-m", "pip", "install", "--quiet", str(wheel)]
    subprocess.run(pip, check=True)
    return work / "env" / "bin" / "steunfiguren"


def run(command, folder, *arguments):
    return subprocess.run([command, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_validates_against_our_profiles_from_any_folder(command, tmp_path):
    profile = "https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportFigure"
    bad = {"resourceType": "RelatedPerson", "meta": {"profile": [profile]}, "patient": {"reference": "Patient/p"}}
    (tmp_path / "bad.json").write_text(json.dumps(bad), encoding="utf-8")
    answer = run(command, tmp_path, "validate", "bad.json")
    assert answer.returncode == 1, answer.stderr
    assert "sf-3" in answer.stdout


def test_the_command_maps_and_builds_the_package_without_a_checkout(command, tmp_path):
    person = {
        "resourceType": "RelatedPerson",
        "id": "s",
        "patient": {"reference": "Patient/p"},
        "name": [{"text": "Sam"}],
    }
    (tmp_path / "person.json").write_text(json.dumps(person), encoding="utf-8")
    mapped = run(command, tmp_path, "map", "from-fhir", "person.json")
    assert json.loads(mapped.stdout)["people"][0]["standing"] == "candidate"
    built = run(command, tmp_path, "package", "build", "--out", "package.tgz")
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "package.tgz").stat().st_size > 10_000


def test_the_app_finds_its_templates_and_texts(command, tmp_path):
    code = (
        "import requests\n"
        "from smart_app.sandbox.testing import running_sandbox\n"
        "with running_sandbox() as sandbox: print(requests.get(sandbox.base_url, timeout=10).status_code)"
    )
    python = command.parent / "python"
    answer = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert answer.stdout.strip() == "200", answer.stderr
