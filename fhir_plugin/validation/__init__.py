"""The profile validator."""
