"""FHIRPath (http://hl7.org/fhirpath/N1) as compiled closures over plain JSON, for invariants and discriminators."""

from fhir_plugin.validation.fhirpath.compiler import Compiled, Environment, compile_expression
from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.node import Node

__all__ = ["Compiled", "Environment", "FhirPathError", "Node", "compile_expression"]
