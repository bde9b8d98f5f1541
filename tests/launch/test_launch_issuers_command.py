"""``steunfiguren issuers check`` as an operator uses it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from launch_fakes import FakeEhr

from fhir_plugin.cli.issuers import issuers_command
from fhir_plugin.errors import InputError

FILE = """
public_url = "https://steun.example.nl"

[[issuers]]
key = "noord"
iss = "https://noord.example.nl/fhir"
organisation = "Jeugdhulp Noord"
client_id = "app-at-noord"
"""
ENVIRON = {"STEUNFIGUREN_ENCRYPTION_KEYS": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(FILE)
    return path


@pytest.mark.requirement("20", "21")
def test_a_good_file_is_fine_and_says_what_to_register_at_the_ehr(file: Path) -> None:
    found = CliRunner(env=ENVIRON).invoke(issuers_command, ["check", str(file)])
    assert found.exit_code == 0
    assert "https://steun.example.nl/launch" in found.output
    assert "https://steun.example.nl/callback/noord" in found.output


def test_an_asymmetric_client_is_told_where_its_keys_are_and_that_nothing_may_frame_it(
    file: Path, signing_keys: tuple[Path, ...]
) -> None:
    keys = ", ".join(f'"{path}"' for path in signing_keys)
    file.write_text(f'signing_keys = [{keys}]\n{FILE}client_type = "asymmetric"\n')
    found = CliRunner(env=ENVIRON).invoke(issuers_command, ["check", str(file), "--lang", "en"])
    assert found.exit_code == 0
    assert "https://steun.example.nl/jwks.json" in found.output
    assert "never in a frame" in found.output


def test_a_wrong_file_is_an_error_that_names_the_key(file: Path) -> None:
    file.write_text(FILE.replace("client_id", "cliend_id"))
    found = CliRunner(env=ENVIRON).invoke(issuers_command, ["check", str(file)])
    assert isinstance(found.exception, InputError)
    assert found.exception.exit_code == 2
    assert "issuers[0].client_id" in str(found.exception)


def test_a_preflight_asks_for_metadata_and_keys_and_for_no_patient(file: Path, ehr: FakeEhr) -> None:
    found = CliRunner(env=ENVIRON).invoke(issuers_command, ["check", str(file), "--preflight"])
    assert found.exit_code == 0, found.output
    assert "1 public key(s)" in found.output
    assert {call.request.url for call in ehr.mock.calls} == {
        f"{ehr.iss}/.well-known/smart-configuration",
        f"{ehr.issuer}/jwks",
    }


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"code_challenge_methods_supported": []}, "S256"),
        ({"token_endpoint": "https://elders.example.nl/token"}, "hosts of issuer noord"),
        ({"issuer": None}, "no issuer or jwks_uri"),
    ],
)
def test_a_preflight_that_fails_says_why_and_exits_with_one(
    file: Path, ehr: FakeEhr, metadata: dict[str, object], words: str
) -> None:
    ehr.metadata |= metadata
    found = CliRunner(env=ENVIRON).invoke(issuers_command, ["check", str(file), "--preflight"])
    assert found.exit_code == 1
    assert words in found.output
