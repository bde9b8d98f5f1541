"""From the launch to a page: everything the routes need, without Flask.

Source: App Launch 2.2, *EHR launch* and *Standalone launch*; RFC 7636 (PKCE), RFC 9207 (iss), RFC 9700 (best practice).
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

import requests

from fhir_plugin.ehr.backend import BackendServices
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.retry import Retry
from fhir_plugin.ehr.transport import TokenSource
from fhir_plugin.errors import EhrError, LaunchError, LaunchStateError
from fhir_plugin.texts import Language
from smart_app.launch import hti
from smart_app.launch.authorize import Authorization, authorization_request, denied, refuse_mix_up
from smart_app.launch.context import fhir_context, patient_id, text, user_of
from smart_app.launch.cookies import csrf_token
from smart_app.launch.discovery import Discovery, Endpoints
from smart_app.launch.id_token import IdTokenVerifier, KeyCache
from smart_app.launch.keys import SigningKeys
from smart_app.launch.look import Looks
from smart_app.launch.network import Outbound, guarded_session
from smart_app.launch.person import known_user
from smart_app.launch.phases import ActiveLaunch, Begun, Completed, LaunchFacts, LaunchUser, PendingLaunch
from smart_app.launch.renewal import LaunchTokens
from smart_app.launch.scopes import lacking
from smart_app.launch.tokens import Grant, TokenEndpoint
from smart_app.settings import Issuer, Settings
from smart_app.store.launches import LaunchStore

__all__ = ["Launcher"]

RETRY = Retry(attempts=2, base=0.2, retry_after_cap=2.0)
"""Somebody waits for the page: ask once more at most, and say soon that the EHR is busy."""
CLEAN_SECONDS = 300.0

log = logging.getLogger(__name__)


class Launcher:
    """Launches for all configured EHRs.

    Args:
        settings: what the operator decided.
        store: where launches rest.
        clock: Unix time.
        session: makes the HTTP session of an issuer.
    """

    def __init__(
        self,
        settings: Settings,
        store: LaunchStore,
        *,
        clock: Callable[[], float] = time.time,
        session: Callable[[Issuer], requests.Session] = guarded_session,
    ) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.keys = SigningKeys.load(settings.signing_keys)
        self.discovery = Discovery()
        self.key_cache = KeyCache()
        self._outbound = {issuer.key: Outbound(issuer, session(issuer)) for issuer in settings.issuers}
        self._looks = Looks()
        self._backends: dict[str, BackendServices] = {}
        self._cleaned_at = 0.0
        self._lock = Lock()

    def issuer(self, key: str) -> Issuer:
        """The EHR with this key.

        Raises:
            LaunchStateError: there is none (any more).
        """
        for issuer in self.settings.issuers:
            if issuer.key == key:
                return issuer
        remedy = "Open the app again from the record."
        raise LaunchStateError("This answer comes from no EHR that we know.", code="launch-state-issuer", remedy=remedy)

    def outbound(self, issuer: Issuer) -> Outbound:
        """Requests to that EHR's own servers."""
        return self._outbound[issuer.key]

    def endpoints(self, issuer: Issuer) -> Endpoints:
        """Where its authorization server is."""
        return self.discovery.endpoints(self.outbound(issuer))

    def admit(self, issuer: Issuer, launch: str) -> None:
        """Let the EHR judge the launch value before anything is done with it, where it is a message of Koppeltaal.

        Raises:
            LaunchError: it is refused, or was used before.
        """
        if self._by_message(issuer):
            message = hti.check_message(launch, self.endpoints(issuer), self.token_endpoint(issuer), self.clock)
            self.store.once(f"hti {issuer.key} {message}", hti.LONGEST_SECONDS)

    def begin(self, issuer: Issuer, launch: str, language: Language | None) -> Begun:
        """Remember a launch.

        Args:
            issuer: already matched with the allow-list.
            launch: the EHR's opaque value, or empty for a standalone launch.
            language: what the person asked for.
        """
        self._clean_now_and_then()
        pending = PendingLaunch(
            issuer_key=issuer.key,
            code_verifier=secrets.token_urlsafe(64),
            nonce=secrets.token_urlsafe(24),
            redirect_uri=self.settings.redirect_uri(issuer),
            scopes=hti.SCOPES if self._by_message(issuer) else issuer.scopes if launch else issuer.standalone_scopes,
            launch=launch,
            language=language,
        )
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.store.add_state(state, browser, pending)
        return Begun(state=state, secret=browser, pending=pending)

    def begun(self, state: str, browser: str) -> Begun:
        """A launch that this browser began.

        Raises:
            LaunchStateError: not this browser's, or over.
        """
        return Begun(state=state, secret=browser, pending=self.store.read_state(state, browser))

    def authorization(self, begun: Begun) -> Authorization:
        """What to ask the EHR's authorization server.

        Raises:
            EhrError: the EHR's metadata cannot be had.
        """
        issuer = self.issuer(begun.pending.issuer_key)
        return authorization_request(issuer, begun.pending, self.endpoints(issuer), begun.state)

    def restart(self, state: str) -> Begun:
        """Go on in a tab where cookies work: with a new state, and the old one is worth nothing."""
        pending = self.store.take_state(state)
        return self.begin(self.issuer(pending.issuer_key), pending.launch, pending.language)

    def finish(self, issuer_key: str, answer: Mapping[str, str], browser: str | None) -> Completed:
        """The EHR's answer at our redirect URI.

        The state is checked before anything else in the answer is believed, error parameters included.

        Raises:
            LaunchError: the answer may not be used.
            EhrError: the EHR gave no usable answer.
        """
        pending = self.store.use_state(answer.get("state", ""), browser or "")
        issuer = self.issuer(issuer_key)
        endpoints = self.endpoints(issuer)
        refuse_mix_up(issuer, pending, endpoints, answer)
        if "error" in answer or not answer.get("code"):
            raise denied(answer.get("error", ""), issuer)
        grant = self.token_endpoint(issuer).exchange(answer["code"], pending)
        facts = self._facts(issuer, pending, grant)
        secret = secrets.token_urlsafe(32)
        self.store.add_launch(facts, grant.tokens, secret)
        log.info("launch completed", extra={"issuer": issuer.key, "user_kind": facts.user.kind.value})
        return Completed(facts=facts, secret=secret)

    def active(self, launch_id: str, browser: str | None) -> ActiveLaunch:
        """The launch with this id, of this browser, ready to work with.

        Raises:
            SessionExpired: there is none; there is no other launch to fall back to.
        """
        facts = self.store.launch(launch_id, browser or "")
        issuer = self.issuer(facts.issuer_key)
        tokens = self._backend(issuer) if facts.by_backend else self._tokens(facts, issuer)
        return ActiveLaunch.of(
            facts,
            issuer=issuer,
            ehr=self._client(issuer, tokens),
            aside=self._client(issuer, lambda force: None if force else tokens(False)),
            watch=self._watch(facts, issuer),
            csrf_token=csrf_token(browser or "", launch_id),
        )

    def look(self, launch: ActiveLaunch) -> str:
        """The EHR's look as a stylesheet; empty where it describes none that can be had or used."""
        return self._looks.stylesheet(launch.smart_style_url, self.outbound(launch.issuer))

    def end(self, launch: ActiveLaunch) -> None:
        """Sign out: take the tokens back at the EHR where it offers that (RFC 7009), and purge all we hold."""
        tokens = self.store.tokens(launch.id).tokens
        self.store.end(launch.id, typed=True)
        try:
            url = self.endpoints(launch.issuer).revocation
            if url:
                endpoint = self.token_endpoint(launch.issuer)
                for token in filter(None, (tokens.refresh, tokens.access)):
                    endpoint.post(url, {"token": token}, what="revocation endpoint")
        except (EhrError, LaunchError) as error:
            log.warning("tokens not revoked", extra={"issuer": launch.issuer_key, "code": error.code})

    def token_endpoint(self, issuer: Issuer) -> TokenEndpoint:
        """Its token endpoint."""
        return TokenEndpoint(self.outbound(issuer), self.endpoints(issuer).token, self.keys, self.clock)

    def verifier(self, issuer: Issuer) -> IdTokenVerifier:
        """What checks its id_tokens."""
        return IdTokenVerifier(self.outbound(issuer), self.endpoints(issuer), self.key_cache, self.clock)

    def _by_message(self, issuer: Issuer) -> bool:
        """Whether it launches as Koppeltaal does, with data by the app's own access."""
        return bool(issuer.backend_scopes) and hti.CAPABILITY in self.endpoints(issuer).capabilities

    def _facts(self, issuer: Issuer, pending: PendingLaunch, grant: Grant) -> LaunchFacts:
        by_backend = self._by_message(issuer)
        context = hti.context_of(grant.context) if by_backend else grant.context
        patient = patient_id(context)
        user = self._user(issuer, pending, grant, context)
        tokens = self._backend(issuer) if by_backend else lambda _: grant.tokens.access
        user = known_user(user, patient, self._client(issuer, tokens))
        asked = issuer.backend_scopes if by_backend else pending.scopes
        granted = issuer.backend_scopes if by_backend else grant.scopes if grant.scopes is not None else asked
        return LaunchFacts(
            id=secrets.token_hex(16),
            issuer_key=issuer.key,
            patient_id=patient,
            user=user,
            scopes=granted,
            requested_scopes=asked,
            encounter_id=text(context, "encounter"),
            fhir_context=fhir_context(context),
            need_patient_banner=context.get("need_patient_banner") is not False,
            intent=text(context, "intent"),
            smart_style_url=text(context, "smart_style_url") if issuer.smart_style else "",
            tenant=text(context, "tenant"),
            language=pending.language or issuer.language or self.settings.language,
            by_backend=by_backend,
            created_at=self.clock(),
        )

    def _user(self, issuer: Issuer, pending: PendingLaunch, grant: Grant, context: Mapping[str, Any]) -> LaunchUser:
        if not grant.id_token:
            return LaunchUser()
        claims = self.verifier(issuer).verify(grant.id_token, nonce=pending.nonce)
        return user_of(issuer, {**claims, "fhirUser": claims.get("fhirUser") or context.get("fhirUser")})

    def _client(self, issuer: Issuer, tokens: TokenSource) -> FhirClient:
        session = self.outbound(issuer).session
        return FhirClient(issuer.iss, session=session, token=tokens, timeout=(3.05, 20.0), retry=RETRY)

    def _watch(self, facts: LaunchFacts, issuer: Issuer) -> FhirClient | None:
        """Where the data come with the user's token, the app's own access to Flags, if it was given that."""
        if facts.by_backend or lacking(("system/Flag.rs",), issuer.backend_scopes):
            return None
        return self._client(issuer, lambda force: self._backend(issuer)(force))

    def _tokens(self, facts: LaunchFacts, issuer: Issuer) -> LaunchTokens:
        return LaunchTokens(
            facts,
            self.store,
            endpoint=lambda: self.token_endpoint(issuer),
            verifier=(lambda: self.verifier(issuer)) if issuer.check_refreshed_identity else None,
            clock=self.clock,
        )

    def _backend(self, issuer: Issuer) -> BackendServices:
        """The app's own access to an EHR; one token for all its launches, renewed before it ends."""
        with self._lock:
            found = self._backends.get(issuer.key)
            if found is None:
                found = self._backends[issuer.key] = BackendServices(
                    client_id=issuer.client_id,
                    key=self.keys.for_algorithm(issuer.signing_algorithm),
                    token_url=self.endpoints(issuer).token,
                    scope=" ".join(issuer.backend_scopes),
                    session=self.outbound(issuer).session,
                    clock=self.clock,
                )
        return found

    def _clean_now_and_then(self) -> None:
        with self._lock:
            due = self.clock() - self._cleaned_at >= CLEAN_SECONDS
            if due:
                self._cleaned_at = self.clock()
        if due:
            self.store.clean()
