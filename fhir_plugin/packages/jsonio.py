"""JSON parsing: orjson where it is there, the standard library otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

__all__ = ["loads"]

loads: Callable[[bytes | str], Any]
try:
    from orjson import loads
except ImportError:  # the core works on the standard library alone
    loads = json.loads
