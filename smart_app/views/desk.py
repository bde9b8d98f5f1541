"""What a page of a launch works with: the child's network as it is now, the form context, the policy and the rights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from flask import current_app, g

from fhir_plugin.consent import Policy, load_policy
from fhir_plugin.ehr.network import Committed, NetworkGateway
from fhir_plugin.errors import EhrForbidden, EhrNotFound
from fhir_plugin.mapping.provenance import Author
from fhir_plugin.model.figure import Designation, SupportFigure
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.issues import Report
from fhir_plugin.model.names import display_name
from fhir_plugin.model.network import SupportNetwork
from smart_app.audit.acts import note_written
from smart_app.i18n import Translator
from smart_app.launch.phases import ActiveLaunch
from smart_app.presenters.access import Rights, rights_of, viewer_of
from smart_app.presenters.forms import FormContext
from smart_app.store.drafts import Drafts
from smart_app.views.language import texts
from smart_app.views.reading import read_network

__all__ = ["Desk", "desk", "drafts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Read once per request, never kept beyond it."""

    launch: ActiveLaunch
    gateway: NetworkGateway
    network: SupportNetwork
    report: Report
    context: FormContext
    policy: Policy
    rights: Rights

    @property
    def t(self) -> Translator:
        """Texts in the language of the launch."""
        return self.context.t

    def figure(self, figure_id: str) -> SupportFigure:
        """A figure of this child.

        Raises:
            EhrNotFound: this child has no such figure, or it is not this viewer's to see.
        """
        found = self.network.figure(figure_id)
        only = self.rights.figure_id
        if found is None or (only and only != figure_id) or not (self.rights.network or only):
            raise EhrNotFound(
                "This person is not in the network of this child.", code="no-figure", remedy="Go back to the network."
            )
        return found

    def must(self, allowed: bool) -> None:
        """Stop where something is not theirs to see or do.

        Raises:
            EhrForbidden: it is not.
        """
        if not allowed:
            raise EhrForbidden(
                "This is not yours to see or do in this record.", code="not-yours", remedy="Ask a professional."
            )

    def commit(self, after: SupportNetwork, designations: tuple[Designation, ...] = ()) -> Committed:
        """Write the difference, on behalf of the user and the child's organisation.

        Raises:
            EhrConflict: somebody else was first; nothing was written.
        """
        author = Author(
            enterer=self.context.user, organization=self.network.child.organization, designations=designations
        )
        done = self.gateway.commit(self.network, after, author)
        note_written(done.written)
        return done


def drafts() -> Drafts:
    """The drafts of the launch of this request."""
    return Drafts(current_app.extensions["steunfiguren.launcher"].store, g.launch)


def desk() -> Desk:
    """The desk of this request; reads the record the first time it is asked for."""
    if "desk" not in g:
        g.desk = _desk(g.launch, texts())
    found: Desk = g.desk
    return found


def _desk(launch: ActiveLaunch, t: Translator) -> Desk:
    clock = current_app.config.get("CLOCK", _now)
    gateway = NetworkGateway(launch.ehr, clock=clock)
    mapped = read_network(launch, gateway)
    user = Ref(reference=launch.user.reference, display=launch.user.name or _name_of(launch, mapped.network))
    context = FormContext(t=t, child=mapped.network.child, people=mapped.network.people, user=user, now=clock())
    viewer = viewer_of(user.reference, mapped.network, context.today)
    rights = rights_of(viewer, user.reference, mapped.network, context.today)
    return Desk(
        launch=launch,
        gateway=gateway,
        network=mapped.network,
        report=mapped.report,
        context=context,
        policy=_policy(),
        rights=rights if _may_write(launch) else replace(rights, edit=False, note=False),
    )


def _name_of(launch: ActiveLaunch, network: SupportNetwork) -> str:
    """The user's name from the record, where the record system does not say it at sign-in."""
    known = next((one for one in network.people if one.ref.reference == launch.user.reference), None)
    return display_name(known.name) if known else ""


def _may_write(launch: ActiveLaunch) -> bool:
    """Whether the record system granted writing; offering what it will refuse would only lose people's work."""
    return not any(lack.resource == "RelatedPerson" and set(lack.actions) & {"c", "u"} for lack in launch.lacking)


@cache
def _policy() -> Policy:
    return load_policy()


def _now() -> datetime:
    return datetime.now(UTC)
