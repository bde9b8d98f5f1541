"""One settings file, and errors that name the key and the way out."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from fhir_plugin.errors import InputError
from smart_app.demo_settings import demo_settings
from smart_app.settings import ClientType
from smart_app.settings_file import load_settings

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
ENVIRON = {"STEUNFIGUREN_ENCRYPTION_KEYS": KEY}
GOOD = """
public_url = "https://steun.example.nl"

[[issuers]]
key = "noord"
iss = "https://noord.example.nl/fhir"
organisation = "Jeugdhulp Noord"
client_id = "app-at-noord"
"""


def load(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> object:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return load_settings(path, ENVIRON if environ is None else environ)


def test_a_short_file_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(GOOD)
    settings = load_settings(path, ENVIRON)
    assert settings.issuers[0].client_type is ClientType.PUBLIC
    assert settings.redirect_uri(settings.issuers[0]) == "https://steun.example.nl/callback/noord"
    assert settings.database_url == f"sqlite:///{tmp_path / 'var' / 'app.sqlite'}"
    assert settings.secure


def test_the_example_in_the_repository_is_right() -> None:
    example = Path(__file__).resolve().parents[2] / "examples" / "settings.toml"
    settings = load_settings(example, ENVIRON | {"STEUNFIGUREN_CLIENT_SECRET_ZUID": "x"})
    assert [issuer.key for issuer in settings.issuers] == ["noord", "zuid"]
    assert settings.issuers[1].allowed_hosts == {"fhir.zuid.example", "login.zuid.example"}


@pytest.mark.requirement("10", "295")
def test_secrets_come_from_the_environment_and_show_in_no_repr(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(GOOD + 'client_type = "symmetric"\n')
    environ = ENVIRON | {
        "STEUNFIGUREN_CLIENT_SECRET_NOORD": "zeer-geheim",
        "STEUNFIGUREN_DATABASE_URL": "postgresql://app:wachtwoord@db/app",
    }
    settings = load_settings(path, environ)
    assert settings.issuers[0].client_secret == "zeer-geheim"
    assert settings.database_url == "postgresql://app:wachtwoord@db/app"
    assert "geheim" not in repr(settings)
    assert "wachtwoord" not in repr(settings)
    assert repr(settings.encryption_keys[0]) not in repr(settings)


@pytest.mark.requirement("229")
@pytest.mark.parametrize(
    ("change", "where", "remedy"),
    [
        (("public_url = ", "publik_url = "), "public_url", "Write public_url for publik_url"),
        (("https://steun.example.nl", "https://steun.example.nl/app"), "public_url", "scheme and host only"),
        (("https://steun.example.nl", "http://steun.example.nl"), "public_url", "Use https"),
        (("https://noord.example.nl/fhir", "http://noord.example.nl/fhir"), "issuers[0].iss", "Use https"),
        (("https://noord.example.nl/fhir", "noord"), "issuers[0].iss", "exactly as the EHR"),
        (('key = "noord"', 'key = "Noord!"'), "issuers[0].key", "lower-case"),
        (('client_id = "app-at-noord"', "client_id = 7"), "issuers[0].client_id", "string"),
        (('client_id = "app-at-noord"', ""), "issuers[0].client_id", "Add client_id"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nclient_tpye = "public"'), "client_tpye", "client_type?"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nclient_type = "magic"'), "client_type", "public, symmetric"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nclient_type = "symmetric"'), "client_type", "SECRET_NOORD"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nclient_type = "asymmetric"'), "client_type", "signing_keys"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nscopes = ["patient/Patient.sr"]'), "scopes", "order"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nscopes = "launch"'), "scopes", "list"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nbackend_scopes = ["system/*.rs"]'), "client_type", "asymm"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nframe_ancestors = ["*"]'), "frame_ancestors", "scheme"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nhosts = ["https://x"]'), "hosts", "without https"),
        (('client_id = "app-at-noord"', 'client_id = "a"\n[session]\nidle_minutes = 0'), "idle_minutes", "from 1"),
        (('client_id = "app-at-noord"', 'client_id = "a"\n[session]\nstate_minutes = 11'), "state_minutes", "to 10"),
        (('client_id = "app-at-noord"', 'client_id = "a"\n[limits]\nrequests_per_minute = true'), "requests", "number"),
        (("[[issuers]]", "[issuers]"), "issuers", "list"),
        (("client_id", "clientid"), "client_id", "Write client_id for clientid"),
        (('client_id = "app-at-noord"', 'client_type = "public"'), "client_id", "Add client_id"),
        (('client_id = "app-at-noord"', 'client_id = " "'), "client_id", "Fill in"),
        (('organisation = "Jeugdhulp Noord"', 'organisation = ""'), "organisation", "Fill in"),
        (('nl/fhir"', 'nl/fhir "'), "iss", "exactly"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nscopes = ["launch"]'), "scopes", "openid"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nintrospection = "check"'), "introspection", "https"),
        (('client_id = "app-at-noord"', 'client_id = "a"\nintrospection = "https://x.nl/i"'), "introspection", "hosts"),
        (('client_id = "app-at-noord"', 'client_id = "a"\n[session]\nidle_minutes = 601'), "idle_minutes", "at most"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_its_remedy(
    tmp_path: Path, change: tuple[str, str], where: str, remedy: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD.replace(*change))
    assert where in caught.value.where
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("keys", ["", "short", KEY[:-4], KEY + ",nonsense", "é" * 43])
def test_an_encryption_key_that_is_no_32_bytes_is_refused_without_repeating_it(tmp_path: Path, keys: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD, {"STEUNFIGUREN_ENCRYPTION_KEYS": keys})
    assert "token_urlsafe(32)" in caught.value.remedy
    assert KEY[:20] not in str(caught.value)


def test_two_issuers_may_not_share_key_or_address(tmp_path: Path) -> None:
    entry = GOOD.partition("\n\n")[2]
    with pytest.raises(InputError, match="Two EHRs share"):
        load(tmp_path, GOOD + entry)


@pytest.mark.parametrize("content", [b"public_url = ", b"\xff\xfe", b"a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not TOML"):
        load_settings(path, ENVIRON)
    with pytest.raises(InputError, match="cannot be read"):
        load_settings(tmp_path / "absent.toml", ENVIRON)


@pytest.mark.requirement("295")
def test_demo_keys_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    first, second = demo_settings(tmp_path / "var"), demo_settings(tmp_path / "var")
    assert first == second
    for path in (tmp_path / "var").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first.signing_keys) == 4


def test_everything_that_lacks_in_the_environment_is_named_at_once():
    example = Path(__file__).parents[2] / "examples/settings.toml"
    with pytest.raises(InputError) as raised:
        load_settings(example, {})
    assert "STEUNFIGUREN_ENCRYPTION_KEYS, STEUNFIGUREN_CLIENT_SECRET_ZUID" in raised.value.message
