"""The embedded EHR for the demo and the tests."""

from smart_app.sandbox.app import create_sandbox
from smart_app.sandbox.auth.clients import ASYMMETRIC, PUBLIC, SYMMETRIC, RegisteredClient
from smart_app.sandbox.parts import Sandbox, parts_of
from smart_app.sandbox.settings import SandboxSettings, demo_app

__all__ = [
    "ASYMMETRIC",
    "PUBLIC",
    "SYMMETRIC",
    "RegisteredClient",
    "Sandbox",
    "SandboxSettings",
    "create_sandbox",
    "demo_app",
    "parts_of",
]
