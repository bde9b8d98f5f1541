"""Settings for the demo and the tests: the embedded EHR, on loopback, with keys that are made on the spot."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from joserfc.jwk import ECKey, RSAKey

from smart_app.settings import ClientType, Issuer, Settings

__all__ = ["demo_settings", "private_file"]

CLIENT_ID = "steunfiguren-app"


def demo_settings(
    data_dir: Path,
    *,
    public_url: str = "http://localhost:8401",
    ehr_url: str = "http://localhost:8400",
    client_type: ClientType = ClientType.PUBLIC,
) -> Settings:
    """Settings in which the embedded EHR at ``ehr_url`` may launch the app, in its own frame.

    The keys are made at the first start and kept in ``data_dir``, readable by the owner only.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    sandbox = Issuer(
        key="sandbox",
        iss=f"{ehr_url}/fhir",
        organisation="Jeugdhulp Het Zandkasteel",
        client_id=CLIENT_ID,
        client_type=client_type,
        frame_ancestors=(ehr_url,),
        allow_private_addresses=True,
        standalone=True,
    )
    return Settings(
        public_url=public_url,
        issuers=(sandbox,),
        encryption_keys=(private_file(data_dir / "demo-encryption.key", lambda: secrets.token_bytes(32)),),
        signing_keys=_signing_keys(data_dir),
        database_url=f"sqlite:///{data_dir / 'app.sqlite'}",
        data_dir=data_dir,
    )


def private_file(path: Path, make: Callable[[], bytes]) -> bytes:
    """The bytes of a file that only its owner can read; made when it does not exist yet."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(make())
        with suppress(FileExistsError):  # another process was first: both use its bytes
            os.link(draft, path)
        draft.unlink()
    return path.read_bytes()


def _signing_keys(data_dir: Path) -> tuple[Path, ...]:
    """Two of each kind, for the app publishes the next key before it signs with it."""
    paths = []
    for number in (1, 2):
        ec, rsa = data_dir / f"demo-es384-{number}.pem", data_dir / f"demo-rs384-{number}.pem"
        private_file(ec, lambda: ECKey.generate_key("P-384").as_pem(private=True))
        private_file(rsa, lambda: RSAKey.generate_key(2048).as_pem(private=True))
        paths += [ec, rsa]
    return tuple(paths)
