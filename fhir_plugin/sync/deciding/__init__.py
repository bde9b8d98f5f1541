"""What to do for one client, pure: three-way merge, consent first, questions for a person."""
