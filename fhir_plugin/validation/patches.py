"""Published invariants whose expression does not say what the text says, with an expression that does.

The reference validator reads these the same way. Empty is false there, so an invariant must say when it does not apply.
"""

from __future__ import annotations

__all__ = ["PATCHES"]

PATCHES: dict[str, str] = {
    # ref-1: the plain '#' means the containing resource
    "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))": (  # noqa: E501  the published text
        "reference.exists() implies (reference = '#' or reference.startsWith('#').not()"
        " or (reference.substring(1) in %rootResource.contained.id))"
    ),
    # ref-1 of R4B
    "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids')) or (reference='#' and %rootResource!=%resource)": (  # noqa: E501  the published text
        "reference.exists() implies (reference = '#' or reference.startsWith('#').not()"
        " or (reference.substring(1) in %rootResource.contained.id))"
    ),
    # bdl-8: an entry without a fullUrl is not versioned either
    "fullUrl.contains('/_history/').not()": "fullUrl.exists() implies fullUrl.contains('/_history/').not()",
    # que-12: two conditions are more than one
    "enableWhen.count() > 2 implies enableBehavior.exists()": "enableWhen.count() >= 2 implies enableBehavior.exists()",
    # que-7: the answer is a FHIR boolean
    "operator = 'exists' implies (answer is Boolean)": "operator = 'exists' implies (answer is boolean)",
    # tim-9: there may be several moments
    "offset.empty() or (when.exists() and ((when in ('C' | 'CM' | 'CD' | 'CV')).not()))": (
        "offset.empty() or (when.exists() and when.select($this in ('C' | 'CM' | 'CD' | 'CV')).allFalse())"
    ),
    # ras-2: no probability is fine
    "probability is decimal implies (probability as decimal) <= 100": (
        "probability.empty() or ((probability is decimal) implies ((probability as decimal) <= 100))"
    ),
    # con-3: category is a concept, the code sits in its codings
    "clinicalStatus.exists() or verificationStatus.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() or category.select($this='problem-list-item').empty()": (  # noqa: E501  the published text
        "clinicalStatus.exists() or verificationStatus.coding.where("
        "system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code='entered-in-error').exists()"
        " or category.coding.where(code='problem-list-item').empty()"
    ),
    # obs-7 of STU3: without components there is nothing to differ from
    "value.empty() or code!=component.code": "value.empty() or (code in component.code).not()",
    # opd-3: an operation may name resource types directly
    "targetProfile.exists() implies (type = 'Reference' or type = 'canonical')": (
        "targetProfile.exists() implies (type = 'Reference' or type = 'canonical'"
        " or type.memberOf('http://hl7.org/fhir/ValueSet/resource-types'))"
    ),
    # names are meant as a whole
    "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')": "name.exists() implies name.matches('^[A-Z]([A-Za-z0-9_]){0,254}$')",
    # eld-19, eld-20: the whole path
    "path.matches('[^\\\\s\\\\.,:;\\\\\\'\"\\\\/|?!@#$%&*()\\\\[\\\\]{}]{1,64}(\\\\.[^\\\\s\\\\.,:;\\\\\\'\"\\\\/|?!@#$%&*()\\\\[\\\\]{}]{1,64}(\\\\[x\\\\])?(\\\\:[^\\\\s\\\\.]+)?)*')": (  # noqa: E501  the published text
        "path.matches('^[^\\\\s\\\\.,:;\\\\\\'\"\\\\/|?!@#$%&*()\\\\[\\\\]{}]{1,64}"
        "(\\\\.[^\\\\s\\\\.,:;\\\\\\'\"\\\\/|?!@#$%&*()\\\\[\\\\]{}]{1,64}(\\\\[x\\\\])?(\\\\:[^\\\\s\\\\.]+)?)*$')"
    ),
    "path.matches('[A-Za-z][A-Za-z0-9]*(\\\\.[a-z][A-Za-z0-9]*(\\\\[x])?)*')": (
        "path.matches('^[A-Za-z][A-Za-z0-9]*(\\\\.[a-z][A-Za-z0-9]*(\\\\[x\\\\])?)*$')"
    ),
}
