"""Plain strings that carry HTML: allowed by FHIR, dangerous for whoever shows them unescaped."""

from __future__ import annotations

import re
from typing import Any

from fhir_plugin.validation.scope import Path, Scope

__all__ = ["check"]

_TAG = re.compile(r"<(/?[a-zA-Z][a-zA-Z0-9]*)(\s[^<>]*)?/?>")


def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Report a tag in a plain string."""
    if type(value) is str and "<" in value and _TAG.search(value):
        policy = scope.engine.policy.embedded_html
        if policy == "error":
            scope.error("string-html", path)
        elif policy == "warn":
            scope.warn("string-html", path)
