"""The SMART-on-FHIR app."""
