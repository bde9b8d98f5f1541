"""Talking to an EHR over FHIR REST."""
