"""SMART App Launch 2.2."""
