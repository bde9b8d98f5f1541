"""What can go wrong with an expression: it cannot be read, or it cannot be evaluated."""

from __future__ import annotations

__all__ = ["FhirPathError", "FhirPathSyntaxError"]


class FhirPathError(ValueError):
    """An expression that has no answer: wrong cardinality, wrong type or an unknown function."""


class FhirPathSyntaxError(FhirPathError):
    """An expression that is not FHIRPath."""
