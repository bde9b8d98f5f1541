"""The EHR's look: what ``smart_style_url`` describes, reduced to values that cannot harm or hinder.

Source: App Launch 2.2, *smart_style_url*. Only colours, one font and one radius are taken, each checked by form; a
colour is used only where text in it, or on it, keeps the contrast of WCAG 2.2 AA.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from fhir_plugin.errors import EhrError
from smart_app.launch.network import Outbound

__all__ = ["Looks", "stylesheet"]

HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
FONT = re.compile(r"[A-Za-z0-9 ,'\"-]{1,200}")
PIXELS = re.compile(r"(\d{1,2})px")
CONTRAST = 4.5
"""WCAG 2.2, 1.4.3 Contrast (Minimum)."""
MOST_LOOKS = 100
CARD = "#ffffff"
ON_PAPER = ("#1f2a2e", "#4a575c", "#944620")
"""Our own text colours that stand on the background, whatever the EHR's."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Looks:
    """Stylesheets by address, kept for the life of the process.

    A page asks for its look beside its own contents, so that a slow style server delays nobody.
    """

    _kept: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def stylesheet(self, url: str, outbound: Outbound) -> str:
        """The look at an address of this EHR's own; empty where there is none, or none that can be had or used."""
        if not url or not outbound.allowed(url):
            return ""
        with self._lock:
            kept = self._kept.get(url)
        if kept is not None:
            return kept
        try:
            status, document = outbound.get(url, what="smart_style_url")
        except EhrError as error:
            log.warning("no style", extra={"issuer": outbound.issuer.key, "code": error.code})
            return ""
        if status != 200:  # perhaps later
            return ""
        found = stylesheet(document)
        with self._lock:
            if len(self._kept) >= MOST_LOOKS:
                self._kept.clear()
            self._kept[url] = found
        return found


def stylesheet(style: Any) -> str:
    """CSS that overrides our custom properties; empty where nothing can be used."""
    if not isinstance(style, Mapping):
        return ""
    found: dict[str, str] = {}
    paper = _colour(style, "color_background")
    if paper and all(_contrast(paper, text) >= CONTRAST for text in ON_PAPER):
        found["--paper"] = paper
    behind = (found.get("--paper", CARD), CARD)
    for name, properties in (
        ("color_text", ("--ink",)),
        ("color_highlight", ("--accent", "--accent-dark")),
        ("color_error", ("--error",)),
        ("color_success", ("--good",)),
    ):
        colour = _colour(style, name)
        if colour and all(_contrast(colour, ground) >= CONTRAST for ground in behind):
            found |= dict.fromkeys(properties, colour)
    font = style.get("font_family_body")
    if isinstance(font, str) and FONT.fullmatch(font) and font.count("'") % 2 == 0 and font.count('"') % 2 == 0:
        found["--font"] = f"{font}, sans-serif"
    radius = style.get("dim_border_radius")
    if isinstance(radius, str) and (match := PIXELS.fullmatch(radius)) and int(match[1]) <= 24:
        found["--radius"] = radius
    body = "".join(f"  {name}: {value};\n" for name, value in found.items())
    return f":root {{\n{body}}}\n" if body else ""


def _colour(style: Mapping[str, Any], name: str) -> str:
    value = style.get(name)
    if not isinstance(value, str) or not HEX.fullmatch(value):
        return ""
    digits = value[1:].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def _contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2, *contrast ratio*)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, *relative luminance*)."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
