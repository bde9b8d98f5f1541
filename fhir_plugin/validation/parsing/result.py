"""What parsing yields: a tree, or issues that say why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.validation.scope import Path

__all__ = ["Parsed", "Place", "failed", "nowhere"]

Place = tuple[int, int] | None
Locate = Callable[[Sequence[Path]], list[Place]]


def nowhere(paths: Sequence[Path]) -> list[Place]:
    """Places in an input that has no text."""
    return [None] * len(paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """One input.

    Attributes:
        tree: JSON values of the resource, or None when the input is no resource.
        issues: what was wrong with the text.
        locate: line and column of paths, each None where it cannot be told.
    """

    tree: dict[str, Any] | None
    issues: tuple[Issue, ...] = ()
    locate: Locate = nowhere


def failed(code: str, line: int | None = None, column: int | None = None, **params: str) -> Parsed:
    """An input that cannot be read."""
    issue = Issue(severity=Severity.FATAL, code=code, params=tuple(params.items()), line=line, column=column)
    return Parsed(tree=None, issues=(issue,))
