"""FHIR REST over requests; SMART Backend Services.

``FhirClient`` is the port every other room uses; the modules behind it are ``transport`` (one request), ``retry``,
``answers`` (errors), ``entries`` (Bundles), ``searchset`` (pages), ``capabilities`` and ``wire`` (JSON).
"""

from fhir_plugin.ehr.answers import Answer, Written
from fhir_plugin.ehr.capabilities import Capabilities
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.entries import Entry
from fhir_plugin.ehr.retry import RateLimit, Retry

__all__ = ["Answer", "Capabilities", "Entry", "FhirClient", "RateLimit", "Retry", "Written"]
