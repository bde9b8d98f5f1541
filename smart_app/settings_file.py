"""One TOML file, and the environment for secrets, into :class:`Settings`; every error names the key and the way out.

Environment: ``STEUNFIGUREN_ENCRYPTION_KEYS`` (comma-separated base64url of 32 bytes, newest first),
``STEUNFIGUREN_DATABASE_URL`` and ``STEUNFIGUREN_CLIENT_SECRET_<KEY>`` for each symmetric client.
"""

from __future__ import annotations

import base64
import binascii
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fhir_plugin.errors import InputError
from smart_app.api.settings import ValidatorSettings
from smart_app.settings import (
    AuditSettings,
    ClientType,
    RateLimits,
    SessionLimits,
    Settings,
    is_loopback,
)
from smart_app.settings_issuers import read_issuers, read_language, secret_variable
from smart_app.settings_table import Table

__all__ = ["encryption_key", "load_settings"]


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
        issuers=read_issuers(table, environ),
        encryption_keys=_encryption_keys(table, environ),
        signing_keys=tuple(path.parent / name for name in table.strings("signing_keys")),
        database_url=environ.get("STEUNFIGUREN_DATABASE_URL")
        or table.get("database_url", str, f"sqlite:///{data_dir / 'app.sqlite'}"),
        data_dir=data_dir,
        language=read_language(table, "nl"),
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


def _refuse_missing(values: Mapping[str, Any], environ: Mapping[str, str], path: Path) -> None:
    """Name every variable that is not set at once; one alone is named where it is read."""
    issuers = values.get("issuers")
    tables = [one for one in issuers if isinstance(one, dict)] if isinstance(issuers, list) else []
    secret = [str(one.get("key")) for one in tables if one.get("client_type") == ClientType.SYMMETRIC]
    wanted = ["STEUNFIGUREN_ENCRYPTION_KEYS", *map(secret_variable, secret)]
    missing = [name for name in wanted if not environ.get(name)]
    if len(missing) > 1:
        raise InputError(
            f"Not set in the environment: {', '.join(missing)}.",
            code="settings",
            where=str(path),
            remedy="Set each of them; examples/settings.toml says how.",
        )


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
