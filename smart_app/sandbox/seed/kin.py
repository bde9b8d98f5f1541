"""Relations and roles several stories share, with the displays of their code systems."""

from __future__ import annotations

from fhir_plugin.model.terms import ROL_VEKTIS
from smart_app.sandbox.seed.cast import Relative

__all__ = ["AUTHORITY", "FATHER", "FRIEND", "MOTHER", "NEIGHBOUR", "both_parents"]

MOTHER, FATHER = ("MTH", "Mother"), ("FTH", "Father")
AUTHORITY = ("24", "Wettelijke vertegenwoordiger")
NEIGHBOUR = (ROL_VEKTIS, "19", "Buur")
FRIEND = (ROL_VEKTIS, "20", "Vriend(in)/kennis")


def both_parents(mother: tuple[str, str, str], father: tuple[str, str, str], number: int) -> tuple[Relative, Relative]:
    """Two parents who both hold authority."""
    return (
        Relative(
            id="moeder",
            name=mother,
            relation=MOTHER,
            role=AUTHORITY,
            gender="female",
            phone=f"+316123456{number + 1:02}",
        ),
        Relative(
            id="vader",
            name=father,
            relation=FATHER,
            role=AUTHORITY,
            gender="male",
            phone=f"+316123456{number + 2:02}",
        ),
    )
