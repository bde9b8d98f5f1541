"""Writing what was planned, whatever an EHR offers, and taking it back."""
