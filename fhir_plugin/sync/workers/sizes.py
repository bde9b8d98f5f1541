"""Into how much at a time a run is divided, where nothing else is asked for."""

from __future__ import annotations

__all__ = ["GROUP", "WORKERS"]

GROUP = 10
"""Clients whose writes share a Bundle: about a hundred entries."""
WORKERS = 4
"""Processes on this machine."""
