"""From bytes to a neutral tree of JSON values, with places in the text found only when asked for."""

from fhir_plugin.validation.parsing.read import parse
from fhir_plugin.validation.parsing.result import Parsed

__all__ = ["Parsed", "parse"]
