"""FHIR packages and definitions."""
