"""Synchronising support figures to client records."""
