"""What an EHR that gives no access is called (``no_access``)."""

from __future__ import annotations

from urllib.parse import urlsplit

from fhir_plugin.errors import UsageError

__all__ = ["own_url", "without_access"]

_HOST = ".no-access.invalid"
"""RFC 2606: a name that never resolves."""
_NONE = "none:"


def own_url(fhir: str) -> str:
    """``none:NAME`` as a URL that a plan can name; any other URL as it is.

    Raises:
        UsageError: the name is not letters, digits and hyphens.
    """
    if not fhir.startswith(_NONE):
        return fhir
    name = fhir.removeprefix(_NONE)
    if not name.replace("-", "").isalnum() or not name.isascii():
        raise UsageError("This is no name of an EHR.", where="--fhir", remedy="Write none:NAME, letters and hyphens.")
    return f"https://{name.lower()}{_HOST}/fhir"


def without_access(url: str) -> bool:
    """Whether a URL is one of ``own_url``."""
    return (urlsplit(url).hostname or "").endswith(_HOST)
