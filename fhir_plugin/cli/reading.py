"""JSON that a command is given: a file, or standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fhir_plugin.errors import InputError

__all__ = ["read_json"]


def read_json(path: Path) -> Any:
    """The JSON in a file, or on standard input for ``-``.

    Raises:
        InputError: it cannot be read, or is not JSON.
    """
    try:
        raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise InputError(
            f"This file cannot be read ({error.strerror}).",
            code="file-unreadable",
            where=str(path),
            remedy="Check the path.",
        ) from None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise InputError(
            "This is not JSON.", code="not-json", where=str(path), remedy="Run `steunfiguren validate` on it."
        ) from None
