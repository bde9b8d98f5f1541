"""Plans: made, written to a file, read back, answered and shown."""
