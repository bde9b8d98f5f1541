"""A registry of FHIR packages over HTTP: the npm protocol as FHIR registries speak it.

``GET {registry}/{name}`` answers with ``versions`` and, for each, ``dist.tarball``; the archive is fetched from there.
Nothing is fetched from another host than the registry's own, so that a registry cannot send us elsewhere
(https://confluence.hl7.org/display/FHIR/FHIR+Package+Registry+User+Documentation).
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import quote

import requests

from fhir_plugin.ehr.urls import joined, origin_of
from fhir_plugin.errors import PackageError, UsageError
from fhir_plugin.packages.canonical import version_key, version_matches

__all__ = ["download"]

MAX_ARCHIVE_BYTES = 128 * 1024 * 1024
MAX_REDIRECTS = 3
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between two parts of an answer."""


def download(
    registry: str, name: str, version: str, *, session: requests.Session | None = None
) -> tuple[bytes, tuple[str, str]]:
    """The archive of a package.

    Args:
        registry: base url of the registry.
        name: package id.
        version: exact version, ``1.0.x`` or ``latest``.
        session: the HTTP session to use.

    Returns:
        The archive, and the name and exact version that was chosen.

    Raises:
        UsageError: the registry is no http(s) url.
        PackageError: the registry cannot be reached, lacks the package or version, or answers with something else.
    """
    if origin_of(registry) is None:
        raise UsageError("This is no registry.", where=registry, remedy="Give an http(s) url.")
    with session or requests.Session() as http:
        versions = _versions(http, registry, name)
        fitting = sorted((found for found in versions if version_matches(found, version)), key=version_key)
        if not fitting:
            raise _refused(name, f"the registry has no version {version}", "Look at the versions it does have.")
        chosen = fitting[-1]
        dist = versions[chosen].get("dist") if isinstance(versions[chosen], dict) else None
        facts: dict[str, Any] = dist if isinstance(dist, dict) else {}
        tarball = joined(registry.rstrip("/") + "/", str(facts.get("tarball") or f"{quote(name)}/{quote(chosen)}"))
        content = _get(http, registry, tarball, name)
    _check_digest(content, facts, name)
    return content, (name, chosen)


def _versions(http: requests.Session, registry: str, name: str) -> dict[str, Any]:
    answer = _get(http, registry, f"{registry.rstrip('/')}/{quote(name)}", name)
    try:
        versions = json.loads(answer)["versions"]
    except (ValueError, KeyError, TypeError, RecursionError):
        versions = None
    if not isinstance(versions, dict):
        raise _refused(name, "the answer of the registry lists no versions", "Check the url of the registry.")
    return versions


def _get(http: requests.Session, registry: str, url: str, name: str) -> bytes:
    for _ in range(MAX_REDIRECTS + 1):
        if origin_of(url) != origin_of(registry):
            raise _refused(
                name, "the registry points to another host", "Use the registry of that host, if you trust it."
            )
        try:
            with http.get(url, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
                if answer.is_redirect:
                    url = joined(url, answer.headers["location"])
                    continue
                if answer.status_code != requests.codes.ok:
                    raise _refused(
                        name, f"the registry answers {answer.status_code}", "Check name, version and registry."
                    )
                return _body(answer, name)
        except (requests.RequestException, ValueError) as error:  # ValueError: it is sent on to what is no url
            raise _refused(
                name, f"the registry cannot be reached ({type(error).__name__})", "Check the url and the network."
            ) from error
    raise _refused(name, "the registry keeps redirecting", "Check the url of the registry.")


def _body(answer: requests.Response, name: str) -> bytes:
    content = bytearray()
    for part in answer.iter_content(64 * 1024):
        content += part
        if len(content) > MAX_ARCHIVE_BYTES:
            raise _refused(name, "the answer is larger than a package may be", "Do not use this registry.")
    return bytes(content)


def _check_digest(content: bytes, dist: dict[str, Any], name: str) -> None:
    """Hold the archive to the digests that the registry states; not every FHIR registry states one."""
    integrity, shasum = str(dist.get("integrity") or ""), str(dist.get("shasum") or "")
    new = f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"
    old = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    if (integrity.startswith("sha512-") and new not in integrity.split()) or (shasum and shasum.lower() != old):
        raise _refused(name, "the archive is not the one the registry describes", "Try again, or use another registry.")


def _refused(name: str, reason: str, remedy: str) -> PackageError:
    return PackageError(f"The package cannot be fetched: {reason}.", code="package-registry", where=name, remedy=remedy)
