"""Reports as text, OperationOutcome, SARIF, JUnit and NDJSON."""

from fhir_plugin.validation.outputs.outcome import operation_outcome
from fhir_plugin.validation.outputs.results import FORMATS, Output, Result, Summary, make_output

__all__ = ["FORMATS", "Output", "Result", "Summary", "make_output", "operation_outcome"]
