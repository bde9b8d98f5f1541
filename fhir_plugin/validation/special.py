"""Rules on single elements that StructureDefinitions leave to prose."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fhir_plugin.validation.scope import Path, Scope

__all__ = ["SPECIAL"]

Check = Callable[[Any, Any, Path, Scope], None]

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")


def _coding_system(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Coding.system is an absolute URI (http://hl7.org/fhir/R4/datatypes.html#Coding)."""
    if type(value) is str and value and not _ABSOLUTE.fullmatch(value) and not value.startswith("#"):
        scope.error("system-relative", path)


SPECIAL: dict[str, Check] = {
    "Coding.system": _coding_system,
}
