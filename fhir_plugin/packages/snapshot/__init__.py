"""Snapshot generation: what a profile says in full, from what it says of its base."""

from __future__ import annotations

from fhir_plugin.packages.snapshot.generate import SnapshotGenerator

__all__ = ["SnapshotGenerator"]
