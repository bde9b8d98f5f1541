"""Codes, decided offline: in, not in, or cannot know (http://hl7.org/fhir/R4/terminology-service.html)."""

from fhir_plugin.validation.terminology.codesystems import CodeSystemIndex
from fhir_plugin.validation.terminology.server import TerminologyServer
from fhir_plugin.validation.terminology.service import Terminology
from fhir_plugin.validation.terminology.valuesets import ValueSetIndex

__all__ = ["CodeSystemIndex", "Terminology", "TerminologyServer", "ValueSetIndex"]
