"""Who can sign in to the demo EHR."""

from __future__ import annotations

from smart_app.sandbox.auth.users import EhrUser

__all__ = ["USERS"]

_READ_OWN = (
    "launch launch/patient openid fhirUser offline_access online_access patient/*.rs user/Patient.rs "
    "user/RelatedPerson.rs user/CareTeam.rs user/Consent.rs user/Organization.rs user/Practitioner.rs "
    "patient/Task.cruds patient/AuditEvent.crs"
)

USERS = (
    EhrUser(
        id="j.devries",
        name="Joke de Vries, jeugdprofessional",
        fhir_user="Practitioner/joke-de-vries",
        role="professional",
    ),
    EhrUser(
        id="m.elamrani",
        name="Mourad el Amrani, gedragswetenschapper",
        fhir_user="Practitioner/mourad-el-amrani",
        role="professional",
    ),
    EhrUser(
        id="lotte",
        name="Lotte Hendriks, jongere (16)",
        fhir_user="Patient/lotte",
        role="youth",
        record="lotte",
        scope=_READ_OWN,
    ),
    EhrUser(
        id="moeder-noor",
        name="Fatima Yilmaz, moeder van Noor",
        fhir_user="RelatedPerson/noor-moeder",
        role="parent",
        record="noor",
        scope=_READ_OWN,
    ),
    EhrUser(
        id="tante-noor",
        name="Samira Yilmaz, steunfiguur van Noor",
        fhir_user="RelatedPerson/noor-tante-sam",
        role="figure",
        record="noor",
        scope=_READ_OWN,
    ),
)
"""A professional sees every record; anyone else only one."""
