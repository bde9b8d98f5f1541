"""Records as an EHR holds them, and what is kept for it where it cannot."""
