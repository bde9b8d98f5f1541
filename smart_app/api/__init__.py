"""What programs ask of the app: the FHIR operation ``$validate`` and the description of it."""
