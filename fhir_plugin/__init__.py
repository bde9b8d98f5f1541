"""Lets record systems know the people a child in youth care counts on, over HL7 FHIR R4.

Public functions and types; each is imported when first used, so that ``import fhir_plugin`` costs nothing::

    mapped = fhir_plugin.from_fhir(bundle)
    bundle = fhir_plugin.to_fhir(mapped.network)
    report = fhir_plugin.validate(resource, profiles=[...])
    decision = fhir_plugin.decide(request, consents, facts, policy)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fhir_plugin.consent import AccessRequest, Facts, Permit, Policy, Refusal, decide, lapses, required_grantors
    from fhir_plugin.errors import SteunfigurenError
    from fhir_plugin.mapping.changes import changes_between
    from fhir_plugin.mapping.consent import consents_from_fhir
    from fhir_plugin.mapping.network import Mapped, from_fhir, to_fhir
    from fhir_plugin.model.figure import SupportFigure
    from fhir_plugin.model.issues import Issue, Report, Severity
    from fhir_plugin.model.network import SupportNetwork
    from fhir_plugin.validation import Validator, validate

_HOME = {
    "AccessRequest": "fhir_plugin.consent",
    "Facts": "fhir_plugin.consent",
    "Issue": "fhir_plugin.model.issues",
    "Mapped": "fhir_plugin.mapping.network",
    "Permit": "fhir_plugin.consent",
    "Policy": "fhir_plugin.consent",
    "Refusal": "fhir_plugin.consent",
    "Report": "fhir_plugin.model.issues",
    "Severity": "fhir_plugin.model.issues",
    "SteunfigurenError": "fhir_plugin.errors",
    "SupportFigure": "fhir_plugin.model.figure",
    "SupportNetwork": "fhir_plugin.model.network",
    "Validator": "fhir_plugin.validation",
    "changes_between": "fhir_plugin.mapping.changes",
    "consents_from_fhir": "fhir_plugin.mapping.consent",
    "decide": "fhir_plugin.consent",
    "from_fhir": "fhir_plugin.mapping.network",
    "lapses": "fhir_plugin.consent",
    "required_grantors": "fhir_plugin.consent",
    "to_fhir": "fhir_plugin.mapping.network",
    "validate": "fhir_plugin.validation",
}

__all__ = [
    "AccessRequest",
    "Facts",
    "Issue",
    "Mapped",
    "Permit",
    "Policy",
    "Refusal",
    "Report",
    "Severity",
    "SteunfigurenError",
    "SupportFigure",
    "SupportNetwork",
    "Validator",
    "changes_between",
    "consents_from_fhir",
    "decide",
    "from_fhir",
    "lapses",
    "required_grantors",
    "to_fhir",
    "validate",
]


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
