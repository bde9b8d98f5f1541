"""What the validator over HTTP may cost, and against what it validates."""

from __future__ import annotations

from dataclasses import dataclass, field

from fhir_plugin.validation import Policy

__all__ = ["ValidatorSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorSettings:
    """Limits and definitions of ``$validate`` and its page.

    Attributes:
        packages: FHIR packages besides R4 and our own: ``.tgz``, folder or ``name#version``.
        policy: switches for what the specification leaves open.
        workers: processes that validate; as many requests are worked on at a time, and as many again wait.
        seconds: what one request may take before its process is ended.
        megabytes: memory one process may use.
        body_bytes: largest request body.
        requests_per_minute: what one address may ask.
        max_issues: issues in one answer; further ones are counted only.
        cors_origins: origins whose scripts may read the answers; ``*`` is every origin.
    """

    packages: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    workers: int = 2
    seconds: float = 10.0
    megabytes: int = 1024
    body_bytes: int = 2 * 1024 * 1024
    requests_per_minute: int = 120
    max_issues: int = 1000
    cors_origins: tuple[str, ...] = ()
