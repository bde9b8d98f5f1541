"""HTTP of the authorization server."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from authlib.oauth2.rfc6749 import OAuth2Error
from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from smart_app.sandbox.auth.discovery import openid_configuration, smart_configuration
from smart_app.sandbox.auth.grants import requested_record
from smart_app.sandbox.pages.session import check_form_token, signed_in_user
from smart_app.sandbox.parts import here

__all__ = ["routes"]


routes = Blueprint("auth", __name__)


@routes.route("/auth/authorize", methods=["GET", "POST"])
def authorize() -> BaseResponse | str:
    """The authorization endpoint; pages of the EHR come in between where somebody must sign in or choose."""
    server, people = here().server, here().people
    user = signed_in_user(people)
    try:
        grant = server.get_consent_grant(end_user=user)
    except OAuth2Error as error:
        return _refusal(error)
    if user is None:
        again = f"{url_for('auth.authorize')}?{urlencode(request.values)}"
        return redirect(url_for("pages.sign_in_page", back=again), 303)
    if request.form.get("decision") == "deny":
        check_form_token()
        return _private(server.create_authorization_response(grant=grant, grant_user=None))
    if _must_choose(grant.request.payload.scope, user.record):
        if not requested_record(grant.request):
            return render_template(
                "ehr/choose.html",
                children=people.children(),
                fields=request.values,
                app_name=grant.request.client.name,
            )
        check_form_token()
    return _private(server.create_authorization_response(grant=grant, grant_user=user))


@routes.post("/auth/token")
def token() -> Response:
    """The token endpoint."""
    here().disturbance.slow_token()
    return _private(here().server.create_token_response())


@routes.post("/auth/introspect")
def introspect() -> Response:
    """Introspection (RFC 7662)."""
    return _private(here().server.create_endpoint_response("introspection"))


@routes.post("/auth/revoke")
def revoke() -> Response:
    """Revocation (RFC 7009)."""
    return _private(here().server.create_endpoint_response("revocation"))


@routes.get("/auth/jwks")
def jwks() -> Response:
    """The public keys of id_tokens."""
    return _public(here().server.keys.public())


@routes.get("/fhir/.well-known/smart-configuration")
def smart() -> Response:
    """SMART discovery."""
    return _public(smart_configuration(here().server))


@routes.get("/fhir/.well-known/openid-configuration")
def openid() -> Response:
    """OpenID Connect discovery."""
    return _public(openid_configuration(here().server))


def _must_choose(scope: str, record: str) -> bool:
    return "launch/patient" in scope.split() and not record


def _refusal(error: OAuth2Error) -> BaseResponse:
    """Back to the app where its redirect URI is known to be right; else a page: never to an unchecked address."""
    if not error.redirect_uri:
        reason = error.get_error_description() or error.error
        return Response(render_template("ehr/refused.html", reason=reason), 400)
    server = here().server
    error.state = request.values.get("state")
    response: Response = server.handle_error_response(None, error)
    response.headers["Location"] = f"{response.headers['Location']}&iss={quote(server.response_issuer, safe='')}"
    return response


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response


def _public(document: dict[str, Any]) -> Response:
    response = jsonify(document)
    response.headers["Cache-Control"] = "public, max-age=60"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
