"""One thing about a support figure that people fill in, read and compare as a whole.

A facet is a lens between the model and typed answers: ``read`` shows what the figure holds as answers, ``write`` puts
answers into the figure. Only facets whose answers changed are written, so nothing a form does not show is ever touched,
and two people who changed different facets do not get in each other's way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fhir_plugin.model.figure import SupportFigure
from smart_app.i18n import Message
from smart_app.presenters.forms import Answers, Field, FormContext, Option, Values

__all__ = ["Facet", "dated", "some", "yes_no", "yes_no_raw"]

Read = Callable[[SupportFigure], dict[str, tuple[str, ...]]]
Write = Callable[[SupportFigure, Answers], SupportFigure]
Show = Callable[[SupportFigure, FormContext], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """See the module.

    Attributes:
        title: what it is called where answers are checked or compared.
        show: the figure's value in words; empty when it says nothing.
        fresh: the facet is always typed anew (a note): nothing of the figure is shown in its fields.
    """

    name: str
    title: Message
    fields: tuple[Field, ...]
    read: Read
    write: Write
    show: Show
    fresh: bool = False

    def of(self, values: Values) -> dict[str, tuple[str, ...]]:
        """This facet's part of the answers."""
        names = {field.name for field in self.fields}
        return {name: many for name, many in values.items() if name in names and many}

    def same(self, one: Values, other: Values) -> bool:
        """Whether two forms say the same here; the order in which boxes were ticked says nothing."""
        left, right = self.of(one), self.of(other)
        return left.keys() == right.keys() and all(set(left[name]) == set(right[name]) for name in left)


def some(**texts: str) -> dict[str, tuple[str, ...]]:
    """Answers without the empty ones."""
    return {name: (text,) for name, text in texts.items() if text}


def yes_no_raw(value: bool | None) -> str:
    """The answer that stands for a truth value."""
    return {True: "yes", False: "no"}.get(value, "") if value is not None else ""


def yes_no(context: FormContext) -> tuple[Option, ...]:
    """The two answers to a plain question."""
    return (Option(value="yes", text=context.t("Yes")), Option(value="no", text=context.t("No")))


def dated(text: str, on: str) -> str:
    """A fact with its date in brackets."""
    return f"{text} ({on})" if text and on else text
