"""The embedded EHR for the demo and the tests."""
