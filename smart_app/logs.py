"""Log lines for operators: one JSON object each, found by reference number, with nothing personal in them.

Two layers. First, nothing personal is given to a logger: requests are named by route, not by address, and an unexpected
exception by its type and place, not by its message. Second, whatever slips through meets a filter that blanks what
looks like a token, a citizen service number or an OAuth secret.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import TextIO

from flask import Flask, Response, g, request

from fhir_plugin.model.bsn import without_bsn

__all__ = ["RedactingFormatter", "configure", "install", "redact", "reference"]

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without characters that people confuse on the telephone."""
QUIET = ("authlib", "urllib3", "requests", "joserfc", "sqlalchemy.engine")
"""Libraries that log secrets, addresses or rows at DEBUG or INFO (authlib: the PKCE verifier)."""
FIELDS = ("issuer", "user_kind", "code", "status", "method", "route", "milliseconds")

REDACTIONS = (
    (re.compile(r"eyJ[\w-]{5,}(?:\.[\w-]*){1,4}"), "[token]"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE), r"\1 [token]"),
    (
        re.compile(
            r"\b((?:access_|refresh_|id_)?token|code|state|launch|code_verifier|client_assertion|client_secret|nonce|patient"
            r"|name|given|family|birthdate|identifier)(['\"]?\s*[=:]\s*['\"]?)[^\s&'\",;}]+",
            re.IGNORECASE,
        ),
        r"\1\2[removed]",
    ),
    (
        re.compile(r"\b(Patient|RelatedPerson|Practitioner|Person|Consent|CareTeam|Flag)/[A-Za-z0-9.-]{1,64}"),
        r"\1/[id]",
    ),
    (re.compile(r"/l/[0-9a-f]{32}"), "/l/[launch]"),
)

log = logging.getLogger("smart_app.requests")


def redact(text: str) -> str:
    """Blank everything that looks like a secret or a person's number.

    Secrets go first: a token that happens to hold nine digits must be taken out as a whole.
    """
    for pattern, replacement in REDACTIONS:
        text = pattern.sub(replacement, text)
    return without_bsn(text)


def reference() -> str:
    """The reference number of this request: shown on an error page, and on each of its log lines."""
    if "reference" not in g:
        g.reference = "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(2))
    found: str = g.reference
    return found


class RedactingFormatter(logging.Formatter):
    """One line of JSON per record. An exception is its type and where it came from; its message may quote a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        for name in ("reference", *FIELDS):
            if hasattr(record, name):
                value = getattr(record, name)
                line[name] = redact(value) if isinstance(value, str) and name != "reference" else value
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            line["at"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, ensure_ascii=False)


class _Reference(logging.Filter):
    """Adds the reference number of the request that is being answered."""

    def filter(self, record: logging.LogRecord) -> bool:
        if g and not hasattr(record, "reference"):
            record.reference = reference()
        return True


def configure(stream: TextIO | None = None) -> logging.Handler:
    """Send our log lines to a stream (stderr), once for the whole process; returns the handler."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(RedactingFormatter())
    handler.addFilter(_Reference())
    root = logging.getLogger()
    for old in [item for item in root.handlers if isinstance(item.formatter, RedactingFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    return handler


def install(app: Flask) -> None:
    """One line per request, and silence from libraries that would say too much."""
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)

    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()
        reference()

    @app.after_request
    def finish(response: Response) -> Response:
        milliseconds = round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1)
        route = request.url_rule.rule if request.url_rule else "(none)"
        log.info(
            "request",
            extra={
                "method": request.method,
                "route": route,
                "status": response.status_code,
                "milliseconds": milliseconds,
                "reference": reference(),
            },
        )
        return response
