"""Options the sync commands share: how to reach an EHR, and how progress is shown."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from fhir_plugin.cli.language import language_option
from fhir_plugin.errors import InputError, UsageError
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.texts import Language, words

if TYPE_CHECKING:
    import requests

    from fhir_plugin.ehr import FhirClient
    from fhir_plugin.ehr.retry import Limit
    from fhir_plugin.ehr.transport import TokenSource

__all__ = ["Connection", "Meter", "connection_options", "journal_options", "language_option"]

F = TypeVar("F", bound=Callable[..., Any])
TOKEN_VARIABLE = "STEUNFIGUREN_TOKEN"  # noqa: S105  the name of a variable
SCOPE = (
    "system/Patient.rs system/RelatedPerson.crus system/CareTeam.crus system/Consent.crus system/Flag.rs "
    "system/Provenance.crs"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to sign in with an EHR; with nothing given, without signing in.

    Attributes:
        rate: requests per second at most; 0 is no limit.
        variable: environment variable that may hold a ready access token.
    """

    client_id: str = ""
    key: Path | None = None
    token_url: str = ""
    scope: str = SCOPE
    rate: float = 0.0
    variable: str = TOKEN_VARIABLE

    def client(self, base_url: str, limit: Limit | None = None) -> FhirClient:
        """A client of the EHR; ``limit`` is the pace it shares with others, its own ``rate`` when not given.

        Raises:
            UsageError: half the settings of SMART Backend Services.
            InputError: a key that cannot be read.
            EhrError: the token endpoint cannot be found.
        """
        from fhir_plugin.ehr import FhirClient, RateLimit  # a tenth of a second to load: not for a run without work
        from fhir_plugin.ehr.transport import new_session

        session = new_session()
        rate = limit or (RateLimit(per_second=self.rate) if self.rate else None)
        return FhirClient(base_url, session=session, token=self._token(base_url, session), rate=rate)

    def _token(self, base_url: str, session: requests.Session) -> TokenSource | None:
        fixed = os.environ.get(self.variable)
        if fixed:
            return lambda _force: fixed
        if not self.client_id and self.key is None:
            return None
        if not self.client_id or self.key is None:
            raise UsageError(
                "Signing in needs both --client-id and --key.", code="sign-in-half", remedy="Give both, or neither."
            )
        from fhir_plugin.ehr.backend import BackendServices, discover_token_endpoint, read_private_key

        return BackendServices(
            client_id=self.client_id,
            key=read_private_key(_text_of(self.key)),
            token_url=self.token_url or discover_token_endpoint(base_url, session),
            scope=self.scope,
            session=session,
        )


def _text_of(key: Path) -> str:
    try:
        return key.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The private key cannot be read ({type(error).__name__}).",
            code="backend-key-unreadable",
            where=key.name,
            remedy="Give a file with the key as PEM or JWK.",
        ) from None


def connection_options(command: F) -> F:
    """Adds the options that make a ``Connection``, passed as ``connection``."""

    @wraps(command)
    def wrapped(**given: Any) -> Any:
        names = ("client_id", "key", "token_url", "scope", "rate")
        return command(connection=Connection(**{name: given.pop(name) for name in names}), **given)

    options = (
        click.option("--client-id", default="", help="SMART Backend Services: the client id the EHR knows."),
        click.option(
            "--key",
            type=click.Path(exists=True, path_type=Path),
            help="SMART Backend Services: private key, PEM or JWK.",
        ),
        click.option(
            "--token-url", default="", help="SMART Backend Services: token endpoint; found by discovery when not given."
        ),
        click.option("--scope", default=SCOPE, help="SMART Backend Services: scopes to ask for."),
        click.option("--rate", type=float, default=0.0, help="At most so many requests per second."),
    )
    result: Any = wrapped
    for option in reversed(options):
        result = option(result)
    return cast(F, result)


def journal_options(command: F) -> F:
    """Adds the options that make a ``Storage``, passed as ``storage``: where what was agreed and written is kept."""

    @wraps(command)
    def wrapped(journal: Path, database: str, **given: Any) -> Any:
        return command(storage=Storage(file=journal, database=database), **given)

    file = click.option(
        "--journal",
        type=click.Path(path_type=Path),
        default=Path("var/sync.sqlite"),
        show_default=True,
        help="What was agreed and written; keep it, with its key, from run to run.",
    )
    database = click.option(
        "--database",
        default="",
        envvar="STEUNFIGUREN_SYNC_DATABASE",
        help="postgresql://…: keep it there instead, for `steunfiguren worker` processes to share the work.",
    )
    return cast(F, file(database(wrapped)))


@dataclass(slots=True)
class Meter:
    """Progress on stderr, once a second: how far, how fast, how long still."""

    language: Language
    quiet: bool
    _started: float = field(default_factory=time.monotonic)
    _shown: float = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Show it, unless it was shown a moment ago."""
        now = time.monotonic()
        if self.quiet or (now - self._shown < 1.0 and done < total) or now - self._started < 1.0:
            return
        self._shown = now
        rate = done / (now - self._started)
        left = (total - done) / rate if rate else 0.0
        texts = {"done": str(done), "all": str(total), "rate": f"{rate:.0f}", "left": f"{left:.0f} s"}
        click.echo(words("sync-progress", self.language, **texts), err=True)
