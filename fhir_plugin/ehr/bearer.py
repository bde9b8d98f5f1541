"""How a request signs in: with a bearer token, or as nobody."""

from __future__ import annotations

import requests

__all__ = ["Bearer"]


class Bearer(requests.auth.AuthBase):
    """Sets the bearer token. Passed also without one, or requests would take a password from a .netrc file."""

    def __init__(self, token: str | None = None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request, signed."""
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request
