"""``docs/launch.md`` speaks of codes and settings that exist."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import smart_conformance

from smart_app.settings import Issuer

ROOT = smart_conformance.ROOT
GUIDE = (ROOT / "docs" / "launch.md").read_text(encoding="utf-8")


def _sources() -> str:
    return "\n".join(
        path.read_text(encoding="utf-8")
        for name in ("smart_app", "fhir_plugin")
        for path in Path(ROOT / name).rglob("*.py")
    )


def test_every_code_in_the_guide_is_one_that_the_log_can_hold() -> None:
    rows = re.findall(
        r"^\| ((?:`[^`]+`(?:, )?)+) \|.*\|.*\|$", GUIDE.partition("## When something is refused")[2], re.M
    )
    codes = [code for row in rows for code in re.findall(r"`([^`]+)`", row)]
    assert len(codes) >= 8
    source = _sources()
    for code in codes:
        stem = code.removesuffix("…")
        assert f'"{stem}' in source or f'f"{stem}' in source or f'"{stem.removeprefix("session-")}"' in source, code


def test_every_setting_of_an_ehr_in_the_guide_exists() -> None:
    known = {field.name for field in fields(Issuer)} | {"signing_keys", "trusted_proxies"}
    named = set(re.findall(r"`([a-z_]+)(?: = [^`]*)?`", GUIDE)) & set(re.findall(r"[a-z]+_[a-z_0-9]+", GUIDE))
    outside = {
        "fhir_base",
        "offline_access",
        "online_access",
        "client_id",
        "invalid_client",
        "smart_style_url",
        "jwks_uri",
    }
    assert named - outside <= known
