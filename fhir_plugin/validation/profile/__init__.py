"""Profiles as closures that check only what a profile adds to the base type."""

from fhir_plugin.validation.profile.compiler import ProfileChecks

__all__ = ["ProfileChecks"]
