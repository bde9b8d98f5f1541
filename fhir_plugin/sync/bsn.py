"""Recognising a BSN, so that it can be kept out (rule L8) without ever being repeated."""

from __future__ import annotations

import re

__all__ = ["holds_bsn", "is_bsn"]

_NINE = re.compile(r"(?<![\d+])\d(?:[ .-]?\d){8}(?!\d)")
_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)


def is_bsn(text: str) -> bool:
    """Whether these are nine digits that pass the 11-test (Wet algemene bepalingen burgerservicenummer)."""
    digits = re.sub(r"[ .-]", "", text)
    if len(digits) != 9 or not (digits.isascii() and digits.isdigit()) or digits == "000000000":
        return False
    return sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11 == 0


def holds_bsn(text: str) -> bool:
    """Whether a text holds something that may be a BSN; telephone numbers have ten digits, or a plus."""
    return any(is_bsn(found.group()) for found in _NINE.finditer(text))
