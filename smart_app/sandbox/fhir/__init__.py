"""A FHIR R4 server on SQLite: interactions, search, bundles, access by SMART scopes."""
