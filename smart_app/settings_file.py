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
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from fhir_plugin.errors import InputError
from fhir_plugin.texts import Language
from smart_app.api.settings import ValidatorSettings
from smart_app.launch.scopes import parse_scope
from smart_app.settings import (
    DEFAULT_SCOPES,
    AuditSettings,
    ClientType,
    Issuer,
    RateLimits,
    SessionLimits,
    Settings,
    is_loopback,
)
from smart_app.settings_table import Table

__all__ = ["encryption_key", "load_settings"]

ISSUER_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
HOST = re.compile(r"[a-z0-9.\-\[\]]+(:\d{1,5})?", re.IGNORECASE)


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
    _refuse_missing(values, environ, path)
    table = Table(values, "", str(path))
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
        session=_session(Table(table.get("session", dict, {}), "session.", table.file)),
        limits=_limits(Table(table.get("limits", dict, {}), "limits.", table.file)),
        audit=_audit(Table(table.get("audit", dict, {}), "audit.", table.file)),
        validator=_validator(Table(table.get("validator", dict, {}), "validator.", table.file)),
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


def _origin(table: Table, key: str) -> str:
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


def _encryption_keys(table: Table, environ: Mapping[str, str]) -> tuple[bytes, ...]:
    where = "STEUNFIGUREN_ENCRYPTION_KEYS (environment)"
    remedy = "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'."
    texts = [text for text in environ.get("STEUNFIGUREN_ENCRYPTION_KEYS", "").split(",") if text.strip()]
    if not texts:
        raise table.error(where, "No encryption key is set.", remedy)
    try:
        return tuple(encryption_key(text) for text in texts)
    except ValueError as error:
        raise table.error(where, f"A key is {error}.", remedy) from error


def _language(table: Table, default: Language) -> Language:
    value = table.choice("language", get_args(Language), default)
    return "en" if value == "en" else "nl"


def _session(table: Table) -> SessionLimits:
    limits = SessionLimits(
        idle=timedelta(minutes=table.number("idle_minutes", 30, 1, 24 * 60)),
        absolute=timedelta(minutes=table.number("absolute_minutes", 600, 1, 24 * 60)),
        state=timedelta(minutes=table.number("state_minutes", 10, 1, 10)),
    )
    table.finish()
    if limits.idle > limits.absolute:
        message = "A launch would be over before it can be idle for so long."
        raise table.error("idle_minutes", message, "Choose at most absolute_minutes.")
    return limits


def _limits(table: Table) -> RateLimits:
    limits = RateLimits(
        launches_per_minute=table.number("launches_per_minute", 600, 1, 1_000_000),
        requests_per_minute=table.number("requests_per_minute", 600, 1, 1_000_000),
        request_bytes=table.number("request_bytes", 512 * 1024, 1024, 16 * 1024 * 1024),
    )
    table.finish()
    return limits


def _validator(table: Table) -> ValidatorSettings | None:
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


def _audit(table: Table) -> AuditSettings:
    settings = AuditSettings(
        to_ehr=table.get("to_ehr", bool, True),
        retention_years=table.number("retention_years", 5, 5, 100),
    )
    table.finish()
    return settings


def _issuers(table: Table, environ: Mapping[str, str]) -> tuple[Issuer, ...]:
    entries = table.get("issuers", list, [])
    if not entries:
        raise table.error("issuers", "No EHR may launch the app.", "Add an [[issuers]] table for each EHR.")
    issuers = []
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise table.error("issuers", "This setting has the wrong type.", "Write each EHR as an [[issuers]] table.")
        issuers.append(_issuer(Table(entry, f"issuers[{number}].", table.file), environ))
    for name in ("key", "iss"):
        values = [getattr(issuer, name) for issuer in issuers]
        for number, value in enumerate(values):
            if value in values[:number]:
                raise table.error(f"issuers[{number}].{name}", "Two EHRs share this value.", "Give each its own.")
    return tuple(issuers)


def _issuer(table: Table, environ: Mapping[str, str]) -> Issuer:
    key = table.get("key", str)
    if not ISSUER_KEY.fullmatch(key):
        raise table.error("key", "This cannot be part of an address.", "Use lower-case letters, digits and hyphens.")
    client_type = ClientType(table.choice("client_type", tuple(ClientType), ClientType.PUBLIC))
    issuer = Issuer(
        key=key,
        iss=_iss(table),
        organisation=table.text("organisation"),
        client_id=table.text("client_id"),
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
    _check_issuer(table, issuer)
    return issuer


def _check_issuer(table: Table, issuer: Issuer) -> None:
    """What each setting cannot say by itself."""
    lacking = [scope for scope in ("launch", "openid", "fhirUser") if scope not in issuer.scopes]
    if lacking:
        message = "The app would not know who is at the screen, or whose record is open."
        raise table.error("scopes", message, f"Add {', '.join(lacking)}.")
    parts = urlsplit(issuer.introspection)
    if issuer.introspection and (parts.scheme != "https" or parts.netloc not in issuer.allowed_hosts):
        remedy = "Write its https address, and put its host in hosts."
        raise table.error("introspection", "This is not an address on a server of this EHR.", remedy)


def _iss(table: Table) -> str:
    value = table.get("iss", str)
    parts = urlsplit(value)
    whole = (
        parts.scheme in ("http", "https")
        and parts.hostname
        and not (parts.username or parts.query or parts.fragment or re.search(r"\s", value))
    )
    if not whole:
        raise table.error(
            "iss", "This is not a FHIR base URL.", "Write it exactly as the EHR sends it: https://host/fhir."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise table.error("iss", "Tokens would travel unencrypted.", "Use https; http is for localhost only.")
    return value


def _refuse_missing(values: Mapping[str, Any], environ: Mapping[str, str], path: Path) -> None:
    """Name every variable that is not set at once; one alone is named where it is read."""
    issuers = values.get("issuers")
    tables = [one for one in issuers if isinstance(one, dict)] if isinstance(issuers, list) else []
    secret = [str(one.get("key")) for one in tables if one.get("client_type") == ClientType.SYMMETRIC]
    wanted = ["STEUNFIGUREN_ENCRYPTION_KEYS", *map(_secret_variable, secret)]
    missing = [name for name in wanted if not environ.get(name)]
    if len(missing) > 1:
        raise InputError(
            f"Not set in the environment: {', '.join(missing)}.",
            code="settings",
            where=str(path),
            remedy="Set each of them; examples/settings.toml says how.",
        )


def _secret_variable(key: str) -> str:
    return f"STEUNFIGUREN_CLIENT_SECRET_{key.upper().replace('-', '_')}"


def _client_secret(table: Table, key: str, client_type: ClientType, environ: Mapping[str, str]) -> str:
    if client_type is not ClientType.SYMMETRIC:
        return ""
    variable = _secret_variable(key)
    if not environ.get(variable):
        raise table.error("client_type", "The secret of this client is not set.", f"Set {variable} in the environment.")
    return environ[variable]


def _scopes(table: Table, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    scopes = table.strings(key, default)
    for scope in scopes:
        try:
            parse_scope(scope)
        except ValueError as error:
            remedy = "Write it as patient/RelatedPerson.cruds, in that order of letters."
            raise table.error(key, f"{scope!r} is not a SMART scope: {error}.", remedy) from error
    return scopes


def _origins(table: Table, key: str) -> tuple[str, ...]:
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


def _hosts(table: Table) -> tuple[str, ...]:
    hosts = table.strings("hosts")
    for host in hosts:
        if not HOST.fullmatch(host):
            raise table.error("hosts", f"{host!r} is not a host name.", "Write host or host:port, without https://.")
    return hosts


def _check_signing(table: Table, settings: Settings) -> None:
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
