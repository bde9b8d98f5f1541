"""A child with a mother, and somebody who types."""

from __future__ import annotations

from datetime import UTC, datetime

from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.identity import PersonName, Ref
from fhir_plugin.model.network import Child, Person, Standing
from smart_app.i18n import translator
from smart_app.presenters.forms import FormContext

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)
CHILD = Child(id="noor", name=PersonName(call_name="Noor"), birth_date=PartialDate(2012, 3, 4))
MOTHER = Person(
    ref=Ref(reference="RelatedPerson/moeder"),
    standing=Standing.PARENT,
    name=PersonName(call_name="Els", own_name="Wit"),
)
KIM = Ref(reference="Practitioner/kim", display="Kim")
CONTEXT = FormContext(t=translator("nl"), child=CHILD, people=(MOTHER,), user=KIM, now=NOW)
