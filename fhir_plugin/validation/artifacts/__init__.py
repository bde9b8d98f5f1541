"""Rules on conformance resources and forms that no StructureDefinition expresses, by resource type."""

from __future__ import annotations

from collections.abc import Callable

from fhir_plugin.validation.artifacts import forms, measures, operations, questionnaires, structures, terminology
from fhir_plugin.validation.scope import Scope

__all__ = ["ARTIFACTS"]

ARTIFACTS: dict[str, Callable[[Scope], None]] = {
    "CapabilityStatement": structures.check_capabilities,
    "CodeSystem": terminology.check_code_system,
    "ConceptMap": terminology.check_concept_map,
    "MeasureReport": measures.check_report,
    "OperationDefinition": operations.check_operation,
    "Questionnaire": questionnaires.check_questionnaire,
    "QuestionnaireResponse": forms.check_response,
    "SearchParameter": structures.check_search_parameter,
    "StructureDefinition": structures.check_structure,
    "ValueSet": terminology.check_value_set,
}
