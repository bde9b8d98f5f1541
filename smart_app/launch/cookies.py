"""One cookie per launch, and one per launch that is still on its way; no cookie says "the session of this browser".

So two tabs can hold two children without sharing anything, a launch always gets a new secret at its callback (session
fixation), and concurrent launches in one browser cannot take each other's place.
"""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest, digest
from typing import Literal

from flask import Request, Response

from smart_app.settings import Settings
from smart_app.store.launches import digest as state_digest

__all__ = ["Cookies"]

MOST_LAUNCHES = 40
"""Browsers keep about 180 cookies or 10 KB per site and frame; older launches of one browser make room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookies:
    """Reads and writes our cookies.

    On https: ``__Host-``, Secure, HttpOnly, SameSite=None and Partitioned, so that they live inside the EHR's frame and
    nowhere else. On http, which is for loopback only, browsers refuse that; there they are plain and Lax.

    Attributes:
        settings: whether we are on https, and how long things live.
    """

    settings: Settings

    def _name(self, kind: str, suffix: str) -> str:
        return f"{'__Host-' if self.settings.secure else ''}sf-{kind}-{suffix}"

    def of_state(self, request: Request, state: str) -> str | None:
        """The secret of a launch that is on its way."""
        return request.cookies.get(self._name("s", state_digest(state)[:16]))

    def of_launch(self, request: Request, launch_id: str) -> str | None:
        """The secret of a launch."""
        return request.cookies.get(self._name("l", launch_id))

    def work(self, request: Request) -> bool:
        """Whether this browser has sent any of our cookies back, so that it keeps them where we are shown."""
        return any(name.startswith((self._name("s", ""), self._name("l", ""))) for name in request.cookies)

    def set_state(self, response: Response, state: str, secret: str) -> None:
        """Tie a state to this browser."""
        name = self._name("s", state_digest(state)[:16])
        self._set(response, name, secret, int(self.settings.session.state.total_seconds()))

    def set_launch(self, request: Request, response: Response, launch_id: str, secret: str) -> None:
        """Tie a launch to this browser, and let its oldest launches go when there are too many."""
        prefix = self._name("l", "")
        held = [name for name in request.cookies if name.startswith(prefix)]
        for name in held[: max(0, len(held) + 1 - MOST_LAUNCHES)]:
            self._set(response, name, "", 0)
        self._set(response, prefix + launch_id, secret, int(self.settings.session.absolute.total_seconds()))

    def drop_state(self, response: Response, state: str) -> None:
        """The state is used."""
        self._set(response, self._name("s", state_digest(state)[:16]), "", 0)

    def drop_launch(self, response: Response, launch_id: str) -> None:
        """The launch is over."""
        self._set(response, self._name("l", launch_id), "", 0)

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        same_site: Literal["None", "Lax"] = "None" if self.settings.secure else "Lax"
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            secure=self.settings.secure,
            httponly=True,
            samesite=same_site,
            partitioned=self.settings.secure,
        )


def csrf_token(secret: str, launch_id: str) -> str:
    """The token of every form of a launch: known only to who holds the launch's cookie; nothing to store."""
    return digest(secret.encode(), f"csrf {launch_id}".encode(), "sha256").hex()


def same(left: str, right: str) -> bool:
    """Compare two secrets without saying by time where they differ."""
    return compare_digest(left.encode(), right.encode())
