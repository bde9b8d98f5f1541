"""One person who supports several children: one RelatedPerson per child (RelatedPerson.patient is 1..1).

What belongs to the person may be the same in each record; what belongs to the bond with one child never crosses over.
"""

from __future__ import annotations

from dataclasses import replace

from fhir_plugin.model.figure import SupportFigure

__all__ = ["BOND_FIELDS", "PERSON_FIELDS", "for_sibling"]

PERSON_FIELDS = frozenset({"name", "gender", "birth_date", "telecoms", "addresses", "adult", "vog_seen", "programme"})
"""Facts about the person themselves."""
BOND_FIELDS = frozenset(
    {
        "id",
        "active",
        "identifiers",
        "own_label",
        "relations",
        "roles",
        "kinds",
        "bond",
        "designations",
        "bond_of_trust",
        "mandate",
        "supports",
        "life_domains",
        "parent_accord",
        "agreement",
        "notes",
        "engagement",
        "ties",
        "unmapped",
        "carried",
    }
)
"""Facts about the person and one child: they name or describe that child and stay in that child's record."""


def for_sibling(figure: SupportFigure) -> SupportFigure:
    """A draft of the same person for another child's record, with nothing in it of the first child.

    Identifiers do not go along either: a shared one would let whoever sees both records tie the children together.
    """
    return replace(SupportFigure(), **{name: getattr(figure, name) for name in PERSON_FIELDS})
