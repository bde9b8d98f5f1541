"""Who is who: which row means which person in a record."""
