"""The profile validator: parse with positions, compile profiles, check, report (http://hl7.org/fhir/R4/validation.html)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from fhir_plugin.model.issues import Report
from fhir_plugin.validation.policy import Policy
from fhir_plugin.validation.validator import Validator

__all__ = ["Policy", "Validator", "validate"]


def validate(resource: bytes | str | Mapping[str, Any], *, profiles: Sequence[str] = ()) -> Report:
    """Check one resource against base R4, the profiles it claims and those asked for, with what ships in this package.

    Use :class:`Validator` for other packages, such as nl-core.

    Args:
        resource: JSON or XML text, or parsed JSON.
        profiles: canonicals of further profiles, optionally with ``|version``.

    Returns:
        What was found; never raises on what the resource holds.
    """
    return _ours().validate(resource if isinstance(resource, bytes | str) else dict(resource), profiles=profiles)


@cache
def _ours() -> Validator:
    return Validator.load()
