"""The operation ``$validate`` itself (https://hl7.org/fhir/R4/resource-operation-validate.html), without HTTP.

A body that is Parameters is the input of the operation; to validate a Parameters resource, put it in one. Whatever is
wrong with the resource, its syntax included, is part of the report; only a request that asks for nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.validation import Validator
from smart_app.api.refusals import Refused

__all__ = ["Job", "perform"]

_MODES = frozenset({"create", "update", "delete", "profile"})
_VALUES = {"mode": ("valueCode",), "profile": ("valueUri", "valueCanonical")}
"""Parameter → the elements its value may be in: R4 says uri, later versions canonical."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request.

    Attributes:
        body: JSON or XML of a resource or of Parameters.
        type_name: resource type in the URL, or empty.
        resource_id: logical id in the URL, or empty.
        profiles: canonicals in the URL.
        mode: code of http://hl7.org/fhir/resource-validation-mode in the URL, or empty.
        plain: whether Parameters are what is to be validated, and not the input of the operation.
    """

    body: bytes
    type_name: str = ""
    resource_id: str = ""
    profiles: tuple[str, ...] = ()
    mode: str = ""
    plain: bool = False


def perform(validator: Validator, job: Job, max_issues: int) -> Report:
    """What the validator says of the resource.

    Raises:
        Refused: the request asks for something that is not there or that this server does not do.
    """
    _check_mode(job.mode, job.profiles)
    if job.type_name and not validator.engine.schema.is_resource(job.type_name):
        raise Refused("operation-type-unknown", type=job.type_name[:64])
    parsed = validator.read(job.body)
    if parsed.tree is None:
        return _bounded(parsed.issues, max_issues)
    if job.plain or parsed.tree.get("resourceType") != "Parameters":
        _check_address(job, parsed.tree)
        return _bounded(validator.validate(job.body, job.profiles), max_issues)
    inputs = _inputs(parsed.tree)
    profiles = tuple(dict.fromkeys([*job.profiles, *inputs.profiles]))
    _check_mode(inputs.mode or job.mode, profiles)
    if inputs.index is None:
        raise Refused("operation-resource-missing")
    _check_address(job, parsed.tree["parameter"][inputs.index]["resource"])
    return _bounded(validator.validate_parameter(parsed, inputs.index, profiles), max_issues)


def _bounded(issues: Report | tuple[Issue, ...], max_issues: int) -> Report:
    """A report of bounded length; the last issue says how many were left out."""
    found = tuple(issues)
    if len(found) <= max_issues:
        return Report(issues=found)
    more = (("count", str(len(found) - max_issues)),)
    kept = sorted(found, key=lambda one: one.severity not in (Severity.ERROR, Severity.FATAL))[:max_issues]
    return Report(issues=(*kept, Issue(severity=Severity.INFORMATION, code="operation-more-issues", params=more)))


@dataclass(slots=True)
class _Inputs:
    index: int | None = None
    profiles: tuple[str, ...] = ()
    mode: str = ""


def _inputs(parameters: dict[str, Any]) -> _Inputs:
    """The parameters of the operation.

    Raises:
        Refused: one that the operation does not have, has twice, or has in another form.
    """
    inputs = _Inputs()
    for index, parameter in _parameters(parameters):
        name = parameter.get("name")
        if name == "resource":
            if not isinstance(parameter.get("resource"), dict):
                raise Refused("operation-parameter-value", name="resource")
            if inputs.index is not None:
                raise Refused("operation-parameter-twice", name="resource")
            inputs.index = index
        elif name == "profile":
            inputs.profiles += (_value(parameter, "profile"),)
        elif name == "mode":
            if inputs.mode:
                raise Refused("operation-parameter-twice", name="mode")
            inputs.mode = _value(parameter, "mode")
        else:
            raise Refused("operation-parameter-unknown", position=str(index))
    return inputs


def _parameters(parameters: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    found = parameters.get("parameter", [])
    if not isinstance(found, list):
        raise Refused("operation-resource-missing")
    for index, parameter in enumerate(found):
        if not isinstance(parameter, dict):
            raise Refused("operation-parameter-unknown", position=str(index))
        yield index, parameter


def _value(parameter: dict[str, Any], name: str) -> str:
    for element in _VALUES[name]:
        value = parameter.get(element)
        if isinstance(value, str) and value.strip():
            return value
    raise Refused("operation-parameter-value", name=name)


def _check_mode(mode: str, profiles: tuple[str, ...]) -> None:
    if mode and mode not in _MODES:
        raise Refused("operation-mode-unknown")
    if mode == "delete":
        raise Refused("operation-mode-delete")
    if mode == "profile" and not profiles:
        raise Refused("operation-profile-missing")


def _check_address(job: Job, resource: dict[str, Any]) -> None:
    """What the URL names is what the body is; a type that does not exist is for the validator to say."""
    found = resource.get("resourceType")
    if job.type_name and isinstance(found, str) and found != job.type_name:
        raise Refused("operation-type-differs", type=job.type_name)
    if job.resource_id and resource.get("id") != job.resource_id:
        raise Refused("operation-id-differs")
