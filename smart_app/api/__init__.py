"""What other software calls."""
