"""What a figure holds that a dialect has no place for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from fhir_plugin.model.figure import Engagement, SupportFigure
from fhir_plugin.model.issues import Issue, Severity

__all__ = ["losses"]

_INTERNAL = frozenset({"id", "carried", "unmapped", "engagement"})


def losses(figure: SupportFigure, path: str, carried: frozenset[str]) -> Iterator[Issue]:
    """One issue per element that is filled in and not carried.

    Args:
        figure: the figure as it is.
        path: where it stands in the network.
        carried: names of the fields of SupportFigure, and of Engagement, that the dialect has a place for.
    """
    empty, idle = SupportFigure(), Engagement()
    for field in dataclasses.fields(figure):
        if field.name not in carried | _INTERNAL and getattr(figure, field.name) != getattr(empty, field.name):
            yield _lost(path, field.name)
    if figure.engagement is not None:
        for field in dataclasses.fields(figure.engagement):
            held = getattr(figure.engagement, field.name)
            if field.name not in carried | {"carried", "access_roles"} and held != getattr(idle, field.name):
                yield _lost(path, field.name)


def _lost(path: str, element: str) -> Issue:
    return Issue(severity=Severity.WARNING, code="view-cannot-carry", expression=path, params=(("element", element),))
