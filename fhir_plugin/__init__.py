"""Maps the support figures of a child between a neutral model and HL7 FHIR, decides consent, validates and syncs."""
