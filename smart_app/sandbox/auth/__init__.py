"""The authorization server of the embedded EHR, on authlib: strict by default."""
