"""Lists as they come, from a file or a FHIR server, to rows: what is said of whom, or why a row cannot be used."""
