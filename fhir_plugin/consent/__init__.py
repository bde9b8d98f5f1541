"""Consent decisions: pure, total, explained."""
