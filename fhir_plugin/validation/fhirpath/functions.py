"""Functions of FHIRPath and FHIR's additions (http://hl7.org/fhirpath/N1/#functions, http://hl7.org/fhir/R4/fhirpath.html)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_plugin.validation.fhirpath import collections as over
from fhir_plugin.validation.fhirpath import conversions, strings
from fhir_plugin.validation.fhirpath.compiler import Environment, Step, compile_tree
from fhir_plugin.validation.fhirpath.errors import FhirPathError, FhirPathSyntaxError
from fhir_plugin.validation.fhirpath.node import Item, Node, TypeInfo
from fhir_plugin.validation.fhirpath.operators import cast, cast_one, single_string, test_type, truth, type_of
from fhir_plugin.validation.fhirpath.parser import Tree

__all__ = ["compile_call"]

Items = list[Item]


def compile_call(name: str, arguments: tuple[Tree, ...]) -> Step:
    """The closure of a function call.

    Raises:
        FhirPathSyntaxError: no such function, or a wrong number of arguments.
    """
    if name in _TYPED:
        return _typed(name, arguments)
    steps = tuple(compile_tree(argument) for argument in arguments)
    if name in over.CRITERIA:
        low, high, build = over.CRITERIA[name]
    elif name in _PLAIN:
        low, high, plain = _PLAIN[name]
        build = _plain(plain)
    elif name in _ENVIRONMENT:
        low, high, build = _ENVIRONMENT[name]
    else:
        raise FhirPathSyntaxError(f"there is no function {name}()")
    if not low <= len(steps) <= high:
        raise FhirPathSyntaxError(f"{name}() does not take {len(steps)} arguments")
    step: Step = build(*steps)
    return step


def _plain(function: Callable[..., Items]) -> Callable[..., Step]:
    """A function of values: arguments are evaluated on ``$this``, not on the focus."""

    def build(*steps: Step) -> Step:
        if not steps:
            return lambda _env, focus: function(focus)

        def run(env: Environment, focus: Items) -> Items:
            outer = [] if env.this is None else [env.this]
            return function(focus, *(step(env, outer) for step in steps))

        return run

    return build


def _typed(name: str, arguments: tuple[Tree, ...]) -> Step:
    if len(arguments) != 1:
        raise FhirPathSyntaxError(f"{name}() takes one type")
    type_name = _type_name(arguments[0])
    apply = _TYPED[name]
    return lambda _env, focus: apply(focus, type_name)


def _type_name(tree: Tree) -> str:
    if tree[0] == "name":
        return str(tree[1])
    if tree[0] == "dot":
        return f"{_type_name(tree[1])}.{_type_name(tree[2])}"
    raise FhirPathSyntaxError("a type is expected")


_TYPED: dict[str, Callable[[Items, str], Items]] = {"ofType": cast, "as": cast_one, "is": test_type}


def _resolve() -> Step:
    def run(env: Environment, focus: Items) -> Items:
        found: Items = []
        for item in focus:
            reference = _reference(item)
            target = env.services.resolve(reference) if env.services and reference else None
            if target is not None:
                found.append(target)
        return found

    return run


def _reference(item: Item) -> str:
    if type(item) is not Node:
        return str(item) if isinstance(item, str) else ""
    value = item.value.get("reference") if type(item.value) is dict else item.value
    return value if isinstance(value, str) else ""


def _conforms(argument: Step) -> Step:
    def run(env: Environment, focus: Items) -> Items:
        canonical = single_string(argument(env, [] if env.this is None else [env.this]))
        if not focus or canonical is None or env.services is None:
            return []
        answer = env.services.conforms(_node(focus), canonical)
        if answer is None:
            raise FhirPathError(f"the profile {canonical} is not known")
        return [answer]

    return run


def _member(argument: Step) -> Step:
    def run(env: Environment, focus: Items) -> Items:
        canonical = single_string(argument(env, [] if env.this is None else [env.this]))
        if not focus or canonical is None or env.services is None:
            return []
        answer = env.services.member_of(_node(focus), canonical)
        return [True] if answer is None else [answer]

    return run


def _node(focus: Items) -> Node:
    if len(focus) != 1 or type(focus[0]) is not Node:
        raise FhirPathError("a single element is expected")
    return focus[0]


def _html_checks() -> Step:
    def run(env: Environment, focus: Items) -> Items:
        text = single_string(focus)
        return [text is not None and env.services is not None and env.services.narrative_ok(text)]

    return run


def _extension(argument: Step) -> Step:
    def run(env: Environment, focus: Items) -> Items:
        url = single_string(argument(env, [] if env.this is None else [env.this]))
        return [
            one
            for item in focus
            if type(item) is Node
            for one in item.child("extension")
            if type(one.value) is dict and one.value.get("url") == url
        ]

    return run


def _has_value(focus: Items) -> Items:
    if len(focus) != 1:
        return [False]
    value = focus[0].value if type(focus[0]) is Node else focus[0]
    return [value is not None and type(value) is not dict]


def _get_value(focus: Items) -> Items:
    return [focus[0].value if type(focus[0]) is Node else focus[0]] if _has_value(focus)[0] else []


def _children(focus: Items) -> Items:
    return [child for item in focus if type(item) is Node for child in item.children()]


def _descendants(focus: Items) -> Items:
    return [child for item in focus if type(item) is Node for child in item.descendants()]


def _not(focus: Items) -> Items:
    answer = truth(focus)
    return [] if answer is None else [not answer]


def _trace(_name: Step, *_projection: Step) -> Step:
    return lambda _env, focus: focus


def _iif(test: Step, then: Step, otherwise: Step | None = None) -> Step:
    """``iif``: of at most one item; the test yields a boolean."""

    def run(env: Environment, focus: Items) -> Items:
        if len(focus) > 1:
            raise FhirPathError("a single item is expected")
        before = env.this
        env.this = focus[0] if len(focus) == 1 else before
        try:
            verdict = test(env, focus)
            if any(type(one) is str for one in verdict):
                raise FhirPathError("a boolean is expected")
            if truth(verdict):
                return then(env, focus)
            return otherwise(env, focus) if otherwise else []
        finally:
            env.this = before

    return run


def _define(name: Step, value: Step | None = None) -> Step:
    def run(env: Environment, focus: Items) -> Items:
        key = single_string(name(env, focus)) or ""
        if key in env.variables:
            raise FhirPathError(f"%{key} is already defined")
        env.variables = {**env.variables, key: value(env, focus) if value else focus}
        return focus

    return run


def _kind_of(focus: Items) -> Items:
    return [TypeInfo(*type_of(item)) for item in focus]


_ENVIRONMENT: dict[str, tuple[int, int, Callable[..., Any]]] = {
    "resolve": (0, 0, _resolve),
    "conformsTo": (1, 1, _conforms),
    "memberOf": (1, 1, _member),
    "htmlChecks": (0, 0, _html_checks),
    "extension": (1, 1, _extension),
    "iif": (2, 3, _iif),
    "trace": (1, 2, _trace),
    "defineVariable": (1, 2, _define),
}
_PLAIN: dict[str, tuple[int, int, Callable[..., Items]]] = {
    "not": (0, 0, _not),
    "hasValue": (0, 0, _has_value),
    "getValue": (0, 0, _get_value),
    "children": (0, 0, _children),
    "descendants": (0, 0, _descendants),
    "type": (0, 0, _kind_of),
    **over.PLAIN,
    **strings.PLAIN,
    **conversions.PLAIN,
}
