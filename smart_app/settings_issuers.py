"""The ``[[issuers]]`` tables of the settings file: the EHRs that may launch the app, each checked key by key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import get_args
from urllib.parse import urlsplit

from fhir_plugin.texts import Language
from smart_app.launch.scopes import parse_scope
from smart_app.settings import (
    DEFAULT_SCOPES,
    ClientType,
    Issuer,
    is_loopback,
)
from smart_app.settings_table import Table

__all__ = ["read_issuers", "read_language", "secret_variable"]

ISSUER_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
HOST = re.compile(r"[a-z0-9.\-\[\]]+(:\d{1,5})?", re.IGNORECASE)


def read_issuers(table: Table, environ: Mapping[str, str]) -> tuple[Issuer, ...]:
    """The EHRs that may launch the app.

    Raises:
        InputError: there is none, two share a key or address, or a setting is missing, unknown or unsafe.
    """
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
        language=read_language(table, "nl") if "language" in table.values else None,
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


def _client_secret(table: Table, key: str, client_type: ClientType, environ: Mapping[str, str]) -> str:
    if client_type is not ClientType.SYMMETRIC:
        return ""
    variable = secret_variable(key)
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


def secret_variable(key: str) -> str:
    """The environment variable that holds the secret of a symmetric client."""
    return f"STEUNFIGUREN_CLIENT_SECRET_{key.upper().replace('-', '_')}"


def read_language(table: Table, default: Language) -> Language:
    """The setting ``language``.

    Raises:
        InputError: it is one that the app does not speak.
    """
    value = table.choice("language", get_args(Language), default)
    return "en" if value == "en" else "nl"
