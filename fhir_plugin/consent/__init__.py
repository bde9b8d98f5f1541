"""Consent decisions: may this support figure have this, now, and who must sign for it?

Pure and deterministic. The law is data (``policies/``), a decision is a value that explains itself, and only
:func:`decide` makes a :class:`Permit`.
"""

from fhir_plugin.consent.access import Ask, access_permit, newly_opened, unpermitted, without_lapsed_access
from fhir_plugin.consent.decide import decide
from fhir_plugin.consent.explain import Line, Says, explain
from fhir_plugin.consent.facts import Authority, Facts, FigureFacts, Membership, facts_of
from fhir_plugin.consent.granting import Grant, check_grant, expire, grant, replacement, withdraw
from fhir_plugin.consent.grantors import Grantor, Requirement, required_grantors
from fhir_plugin.consent.lapses import Lapse, LapseReason, lapses
from fhir_plugin.consent.permit import Ground, Permit, Reason, Refusal, demand
from fhir_plugin.consent.policy import NL_JEUGDWET, Band, Policy, Signer, load_policy
from fhir_plugin.consent.request import AccessRequest, Action, Confidentiality, DataItem

__all__ = [
    "NL_JEUGDWET",
    "AccessRequest",
    "Action",
    "Ask",
    "Authority",
    "Band",
    "Confidentiality",
    "DataItem",
    "Facts",
    "FigureFacts",
    "Grant",
    "Grantor",
    "Ground",
    "Lapse",
    "LapseReason",
    "Line",
    "Membership",
    "Permit",
    "Policy",
    "Reason",
    "Refusal",
    "Requirement",
    "Says",
    "Signer",
    "access_permit",
    "check_grant",
    "decide",
    "demand",
    "expire",
    "explain",
    "facts_of",
    "grant",
    "lapses",
    "load_policy",
    "newly_opened",
    "replacement",
    "required_grantors",
    "unpermitted",
    "withdraw",
    "without_lapsed_access",
]
