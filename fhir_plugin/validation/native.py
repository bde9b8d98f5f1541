"""Invariants that run on nearly every element, in plain Python; keyed by the text of their expression.

Each is proved equal to the FHIRPath interpreter by a property test (``tests/validation``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_plugin.validation.scope import Scope

__all__ = ["NATIVE"]

Predicate = Callable[[Any, Any, Scope], bool]
NATIVE: dict[str, Predicate] = {}
