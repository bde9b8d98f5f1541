"""What somebody should know of an EHR before relying on it."""

from __future__ import annotations

import click

from fhir_plugin.sync.records.reaching import Reached
from fhir_plugin.texts import Language, words

__all__ = ["say_notices"]


def say_notices(ehr: Reached, language: Language) -> None:
    """Say what somebody should know before relying on this EHR; on stderr."""
    for code in ehr.notices:
        click.echo(f"! {words(code, language, software=ehr.abilities.software)}", err=True)
