"""Synthetic Dutch clients, their families, support figures and professionals. Nobody in it exists."""
