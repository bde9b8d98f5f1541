"""What was agreed and written, sealed, in SQLite or PostgreSQL."""
