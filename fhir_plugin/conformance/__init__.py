"""What a vendor runs against its own server."""
