"""Age policies as versioned data: which signatures the law asks for, with the articles that say so."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

from fhir_plugin.errors import InputError, UsageError
from fhir_plugin.model.terms import AgeBasis

__all__ = ["NL_JEUGDWET", "Band", "Policy", "Signer", "load_policy"]

NL_JEUGDWET = "nl-jeugdwet"


class Signer(StrEnum):
    """Who signs: everyone with authority, or the child itself."""

    AUTHORITY = "authority"
    YOUTH = "youth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The rule from one age (whole years) until the next band.

    Attributes:
        articles: the law it follows from.
    """

    from_age: int
    basis: AgeBasis
    signers: tuple[Signer, ...]
    articles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of a policy with its alternatives chosen.

    Attributes:
        bands: ascending by age; the first starts at 0.
        choices: alternative → chosen option, where it is not the default.
        label: id, version and choices: ``nl-jeugdwet 2026.1``; every decision names it.
        source: where the law can be read (FHIR asks a consent for its policy: ppc-1).
    """

    id: str
    version: str
    bands: tuple[Band, ...]
    source: str
    choices: tuple[tuple[str, str], ...] = ()
    label: str = field(init=False)

    def __post_init__(self) -> None:
        if not self.bands or self.bands[0].from_age != 0:
            raise ValueError("the first band starts at 0")
        if any(later.from_age <= earlier.from_age for earlier, later in pairwise(self.bands)):
            raise ValueError("bands ascend by age")
        if any(not band.signers for band in self.bands):
            raise ValueError("every band needs a signer")
        chosen = "".join(f" {name}={option}" for name, option in self.choices)
        object.__setattr__(self, "label", f"{self.id} {self.version}{chosen}")

    def band_at(self, age: int) -> Band:
        """The band of an age in whole years (not negative)."""
        found = self.bands[0]
        for band in self.bands:
            if band.from_age > age:
                break
            found = band
        return found


def load_policy(source: str | Path = NL_JEUGDWET, *, choose: Mapping[str, str] | None = None) -> Policy:
    """Read a policy.

    Args:
        source: the name of a policy in the package, or the path of a TOML file of the same shape.
        choose: alternative → option; what is not named keeps its default.

    Raises:
        UsageError: no such policy, alternative or option.
        InputError: the file is not a policy.
    """
    text = _text(source)
    try:
        data = tomllib.loads(text)
        return _policy(data, choose or {})
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            "This file is not a consent policy.",
            code="policy-unreadable",
            where=str(source),
            remedy="Compare it with fhir_plugin/consent/policies/nl-jeugdwet.toml.",
        ) from error


def _text(source: str | Path) -> str:
    if isinstance(source, str):
        packaged = files(__package__) / "policies" / f"{source}.toml"
        if packaged.is_file():
            return packaged.read_text(encoding="utf-8")
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "There is no such policy.",
            code="policy-unknown",
            where=str(source),
            remedy=f"Use {NL_JEUGDWET} or the path of a policy file.",
        ) from error


def _policy(data: Mapping[str, Any], choose: Mapping[str, str]) -> Policy:
    bands = {band.from_age: band for band in map(_band, data["bands"])}
    alternatives = data.get("alternatives", {})
    if unknown := sorted(set(choose) - set(alternatives)):
        raise _no_such(unknown[0], sorted(alternatives))
    choices = []
    for name, alternative in sorted(alternatives.items()):
        option = choose.get(name, alternative["default"])
        if option not in alternative["options"]:
            raise _no_such(option, sorted(alternative["options"]))
        bands |= {band.from_age: band for band in map(_band, alternative["options"][option]["bands"])}
        if option != alternative["default"]:
            choices.append((name, option))
    return Policy(
        id=str(data["id"]),
        version=str(data["version"]),
        bands=tuple(bands[age] for age in sorted(bands)),
        choices=tuple(choices),
        source=str(data["source"]),
    )


def _band(data: Mapping[str, Any]) -> Band:
    return Band(
        from_age=int(data["from"]),
        basis=AgeBasis(data["basis"]),
        signers=tuple(Signer(name) for name in data["signers"]),
        articles=tuple(map(str, data["articles"])),
    )


def _no_such(name: str, known: list[str]) -> UsageError:
    return UsageError(
        f"The policy has no “{name}”.",
        code="policy-choice-unknown",
        remedy=f"Choose from: {', '.join(known) or 'nothing'}.",
    )
