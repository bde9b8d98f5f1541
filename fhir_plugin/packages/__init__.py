"""FHIR packages and definitions: R4 as shipped, our own profiles, and any package or folder that is given."""

from __future__ import annotations

from fhir_plugin.packages.definitions import Definitions, load_definitions, profiles_dir
from fhir_plugin.packages.source import Package, read_package

__all__ = ["Definitions", "Package", "load_definitions", "profiles_dir", "read_package"]
