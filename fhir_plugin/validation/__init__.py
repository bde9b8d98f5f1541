"""The profile validator: parse with positions, compile profiles, check, report (http://hl7.org/fhir/R4/validation.html)."""

from fhir_plugin.validation.policy import Policy
from fhir_plugin.validation.validator import Validator

__all__ = ["Policy", "Validator"]
