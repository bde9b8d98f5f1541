"""Who is signed in to the EHR in this browser, and the word that ties a form to the session."""

from __future__ import annotations

import hmac
import secrets

from flask import abort, request, session

from smart_app.sandbox.auth.users import EhrUser
from smart_app.sandbox.people import People

__all__ = ["check_form_token", "form_token", "sign_in", "sign_out", "signed_in_user"]


def signed_in_user(people: People) -> EhrUser | None:
    """The user of this browser, or None."""
    return people.user(session.get("user", ""))


def sign_in(user: EhrUser) -> None:
    """Begin a session; nothing of an earlier one stays."""
    session.clear()
    session["user"] = user.id
    session["form"] = secrets.token_urlsafe(16)


def sign_out() -> None:
    """End the session."""
    session.clear()


def form_token() -> str:
    """The word every form of this session carries."""
    if "form" not in session:
        session["form"] = secrets.token_urlsafe(16)
    return str(session["form"])


def check_form_token() -> None:
    """Refuse a form that another site made."""
    if not hmac.compare_digest(form_token(), request.form.get("form_token", "")):
        abort(400)
