"""The mapping between the model and FHIR: lenses that change only what they own."""
