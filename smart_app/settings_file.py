"""One TOML file, and the environment for secrets, into :class:`Settings`; every error names the key and the way out.

Environment: ``STEUNFIGUREN_ENCRYPTION_KEYS`` (comma-separated base64url of 32 bytes, newest first),
``STEUNFIGUREN_DATABASE_URL`` and ``STEUNFIGUREN_CLIENT_SECRET_<KEY>`` for each symmetric client.
"""

from __future__ import annotations

import base64
import binascii
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from fhir_plugin.errors import InputError
from fhir_plugin.texts import Language
from smart_app.api.settings import ValidatorSettings
from smart_app.launch.scopes import parse_scope
from smart_app.settings import (
    DEFAULT_SCOPES,
    ClientType,
    Issuer,
    RateLimits,
    SessionLimits,
    Settings,
    is_loopback,
)

__all__ = ["encryption_key", "load_settings"]

ISSUER_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
T = TypeVar("T")
HOST = re.compile(r"[a-z0-9.\-\[\]]+(:\d{1,5})?", re.IGNORECASE)


class _Table:
    """One TOML table, read key by key; what is never read is reported as unknown."""

    def __init__(self, values: Mapping[str, Any], path: str, file: str) -> None:
        self.values = values
        self.path = path
        self.file = file
        self.known: set[str] = set()

    def error(self, key: str, message: str, remedy: str) -> InputError:
        where = f"{self.file}: {self.path}{key}"
        return InputError(message, code="settings", where=where, remedy=remedy)

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        self.known.add(key)
        value = self.values.get(key, default)
        if value is None:
            raise self.error(key, "This setting is missing.", f"Add {key} = … ({_toml_name(kind)}).")
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, "This setting has the wrong type.", f"Write it as a {_toml_name(kind)}.")
        return value

    def strings(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        values = self.get(key, list, list(default))
        if not all(isinstance(value, str) for value in values):
            raise self.error(key, "This setting has the wrong type.", "Write it as a list of strings.")
        return tuple(values)

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.get(key, str, default)
        if value not in allowed:
            raise self.error(key, f"{value!r} is not possible here.", f"Choose one of: {', '.join(allowed)}.")
        return value

    def number(self, key: str, default: int, low: int, high: int) -> int:
        value = self.get(key, int, default)
        if not low <= value <= high:
            raise self.error(key, f"{value} is out of range.", f"Choose a whole number from {low} to {high}.")
        return value

    def finish(self) -> None:
        for key in self.values:
            if key not in self.known:
                near = get_close_matches(key, self.known, n=1)
                remedy = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(sorted(self.known))}."
                raise self.error(key, "This setting does not exist.", remedy)


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read and check a settings file.

    Raises:
        InputError: the file cannot be read, or a setting is missing, unknown, of the wrong type or unsafe.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("The settings file cannot be read.", where=str(path), remedy="Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"This is not TOML: {error}.", where=str(path), remedy="Mend the line.") from error
    table = _Table(values, "", str(path))
    data_dir = path.parent / table.get("data_dir", str, "var")
    settings = Settings(
        public_url=_origin(table, "public_url"),
        issuers=_issuers(table, environ),
        encryption_keys=_encryption_keys(table, environ),
        signing_keys=tuple(path.parent / name for name in table.strings("signing_keys")),
        database_url=environ.get("STEUNFIGUREN_DATABASE_URL")
        or table.get("database_url", str, f"sqlite:///{data_dir / 'app.sqlite'}"),
        data_dir=data_dir,
        language=_language(table, "nl"),
        trusted_proxies=table.number("trusted_proxies", 0, 0, 5),
        session=_session(_Table(table.get("session", dict, {}), "session.", table.file)),
        limits=_limits(_Table(table.get("limits", dict, {}), "limits.", table.file)),
        validator=_validator(_Table(table.get("validator", dict, {}), "validator.", table.file)),
    )
    table.finish()
    _check_signing(table, settings)
    return settings


def encryption_key(text: str) -> bytes:
    """Decode one encryption key: base64url of exactly 32 bytes.

    Raises:
        ValueError: it is anything else.
    """
    try:
        key = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if len(key) != 32:
        raise ValueError("not 32 bytes")
    return key


def _origin(table: _Table, key: str) -> str:
    value = table.get(key, str)
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.fragment:
        raise table.error(
            key, "This is not the address of a site.", "Write scheme and host only: https://app.example.nl."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise table.error(
            key, "Without https anybody on the way can read along.", "Use https; http is for localhost only."
        )
    return value


def _encryption_keys(table: _Table, environ: Mapping[str, str]) -> tuple[bytes, ...]:
    where = "STEUNFIGUREN_ENCRYPTION_KEYS (environment)"
    remedy = "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'."
    texts = [text for text in environ.get("STEUNFIGUREN_ENCRYPTION_KEYS", "").split(",") if text.strip()]
    if not texts:
        raise table.error(where, "No encryption key is set.", remedy)
    try:
        return tuple(encryption_key(text) for text in texts)
    except ValueError as error:
        raise table.error(where, f"A key is {error}.", remedy) from error


def _language(table: _Table, default: Language) -> Language:
    value = table.choice("language", get_args(Language), default)
    return "en" if value == "en" else "nl"


def _session(table: _Table) -> SessionLimits:
    limits = SessionLimits(
        idle=timedelta(minutes=table.number("idle_minutes", 30, 1, 24 * 60)),
        absolute=timedelta(minutes=table.number("absolute_minutes", 600, 1, 24 * 60)),
        state=timedelta(minutes=table.number("state_minutes", 10, 1, 10)),
    )
    table.finish()
    return limits


def _limits(table: _Table) -> RateLimits:
    limits = RateLimits(
        launches_per_minute=table.number("launches_per_minute", 600, 1, 1_000_000),
        requests_per_minute=table.number("requests_per_minute", 600, 1, 1_000_000),
        request_bytes=table.number("request_bytes", 512 * 1024, 1024, 16 * 1024 * 1024),
    )
    table.finish()
    return limits


def _validator(table: _Table) -> ValidatorSettings | None:
    """What ``$validate`` may cost; relative packages are looked for in the working folder, as on the command line."""
    usual = ValidatorSettings()
    settings = ValidatorSettings(
        packages=table.strings("packages"),
        workers=table.number("workers", usual.workers, 1, 64),
        seconds=table.number("seconds", int(usual.seconds), 1, 600),
        megabytes=table.number("megabytes", usual.megabytes, 512, 65_536),
        body_bytes=table.number("body_bytes", usual.body_bytes, 1024, 64 * 1024 * 1024),
        requests_per_minute=table.number("requests_per_minute", usual.requests_per_minute, 1, 1_000_000),
        max_issues=table.number("max_issues", usual.max_issues, 10, 100_000),
        cors_origins=table.strings("cors_origins"),
    )
    enabled = table.get("enabled", bool, True)
    table.finish()
    return settings if enabled else None


def _issuers(table: _Table, environ: Mapping[str, str]) -> tuple[Issuer, ...]:
    entries = table.get("issuers", list)
    if not entries:
        raise table.error("issuers", "No EHR may launch the app.", "Add an [[issuers]] table for each EHR.")
    issuers = []
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise table.error("issuers", "This setting has the wrong type.", "Write each EHR as an [[issuers]] table.")
        issuers.append(_issuer(_Table(entry, f"issuers[{number}].", table.file), environ))
    for name in ("key", "iss"):
        values = [getattr(issuer, name) for issuer in issuers]
        for number, value in enumerate(values):
            if value in values[:number]:
                raise table.error(f"issuers[{number}].{name}", "Two EHRs share this value.", "Give each its own.")
    return tuple(issuers)


def _issuer(table: _Table, environ: Mapping[str, str]) -> Issuer:
    key = table.get("key", str)
    if not ISSUER_KEY.fullmatch(key):
        raise table.error("key", "This cannot be part of an address.", "Use lower-case letters, digits and hyphens.")
    client_type = ClientType(table.choice("client_type", tuple(ClientType), ClientType.PUBLIC))
    issuer = Issuer(
        key=key,
        iss=_iss(table),
        organisation=table.get("organisation", str),
        client_id=table.get("client_id", str),
        client_type=client_type,
        client_secret=_client_secret(table, key, client_type, environ),
        signing_algorithm=table.choice("signing_algorithm", ("ES384", "RS384"), "ES384"),
        scopes=_scopes(table, "scopes", DEFAULT_SCOPES),
        frame_ancestors=_origins(table, "frame_ancestors"),
        hosts=_hosts(table),
        allow_private_addresses=table.get("allow_private_addresses", bool, False),
        authorize_post=table.get("authorize_post", bool, False),
        allow_missing_s256=table.get("allow_missing_s256", bool, False),
        check_refreshed_identity=table.get("check_refreshed_identity", bool, True),
        smart_style=table.get("smart_style", bool, True),
        standalone=table.get("standalone", bool, False),
        language=_language(table, "nl") if "language" in table.values else None,
        backend_scopes=_scopes(table, "backend_scopes", ()),
        introspection=table.get("introspection", str, ""),
    )
    table.known.add("language")
    table.finish()
    return issuer


def _iss(table: _Table) -> str:
    value = table.get("iss", str)
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise table.error(
            "iss", "This is not a FHIR base URL.", "Write it exactly as the EHR sends it: https://host/fhir."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise table.error("iss", "Tokens would travel unencrypted.", "Use https; http is for localhost only.")
    return value


def _client_secret(table: _Table, key: str, client_type: ClientType, environ: Mapping[str, str]) -> str:
    if client_type is not ClientType.SYMMETRIC:
        return ""
    variable = f"STEUNFIGUREN_CLIENT_SECRET_{key.upper().replace('-', '_')}"
    if not environ.get(variable):
        raise table.error("client_type", "The secret of this client is not set.", f"Set {variable} in the environment.")
    return environ[variable]


def _scopes(table: _Table, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    scopes = table.strings(key, default)
    for scope in scopes:
        try:
            parse_scope(scope)
        except ValueError as error:
            remedy = "Write it as patient/RelatedPerson.cruds, in that order of letters."
            raise table.error(key, f"{scope!r} is not a SMART scope: {error}.", remedy) from error
    return scopes


def _origins(table: _Table, key: str) -> tuple[str, ...]:
    origins = table.strings(key)
    for origin in origins:
        parts = urlsplit(origin)
        whole = (
            parts.scheme in ("http", "https") and parts.hostname and not (parts.path or parts.query or parts.fragment)
        )
        if not whole or not re.fullmatch(r"https?://[a-zA-Z0-9.\-:\[\]]+", origin):
            raise table.error(
                key, f"{origin!r} is not an origin.", "Write scheme and host only: https://epd.example.nl."
            )
    return origins


def _hosts(table: _Table) -> tuple[str, ...]:
    hosts = table.strings("hosts")
    for host in hosts:
        if not HOST.fullmatch(host):
            raise table.error("hosts", f"{host!r} is not a host name.", "Write host or host:port, without https://.")
    return hosts


def _check_signing(table: _Table, settings: Settings) -> None:
    for number, issuer in enumerate(settings.issuers):
        where = f"issuers[{number}].client_type"
        if issuer.backend_scopes and issuer.client_type is not ClientType.ASYMMETRIC:
            raise table.error(
                where, "Backend Services needs an asymmetric client.", 'Write client_type = "asymmetric".'
            )
        if issuer.client_type is ClientType.ASYMMETRIC and not settings.signing_keys:
            raise table.error(
                where, "An asymmetric client needs a key to sign with.", 'Add signing_keys = ["key.pem"].'
            )


def _toml_name(kind: type[object]) -> str:
    names: dict[type[object], str] = {str: "string", int: "whole number", bool: "boolean", list: "list", dict: "table"}
    return names[kind]
