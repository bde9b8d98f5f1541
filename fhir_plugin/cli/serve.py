"""``steunfiguren demo``, ``steunfiguren serve`` and ``steunfiguren validate-server``."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path

import click

from fhir_plugin.cli.language import language_option
from fhir_plugin.cli.validate import tx_policy_option, unknown_extensions_option, validation_policy
from fhir_plugin.texts import Language, words

__all__ = ["demo_command", "serve_command", "validate_server_command"]

_PORT = click.IntRange(0, 65535)
_THERE = click.Path(exists=True, path_type=Path)


@click.command("demo", short_help="The practice EHR with the app in it.")
@click.option("--port", type=_PORT, default=8400, show_default=True, help="Port of the sandbox EHR.")
@click.option("--app-port", type=_PORT, default=8401, show_default=True, help="Port of the app.")
@click.option("--host", default="localhost", show_default=True, help="Name of this machine in links.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Keep the record system's store here.")
@click.option("--reset", is_flag=True, help="Throw away what an earlier run left in --data.")
@click.option("--fault", "faults", multiple=True, metavar="NAME", help="Switch a fault on; see the page Faults.")
@click.option("--fhir-base", default="", metavar="URL", help="Use this FHIR R4 server as the record system's store.")
@click.option("--seed/--no-seed", default=None, help="Put the fictional clients in (default: unless --fhir-base).")
@click.option("--load", multiple=True, type=_THERE, metavar="PATH", help="Load FHIR JSON or NDJSON from here too.")
@click.option("--validate", is_flag=True, help="Let the record system refuse what is not valid FHIR.")
@click.option("--open-fhir", is_flag=True, help="Let /fhir answer without a token, to try `sync` on.")
@click.option("--browser/--no-browser", default=True, help="Open the link in a browser (default).")
@language_option
def demo_command(
    port: int,
    app_port: int,
    host: str,
    data: Path | None,
    reset: bool,
    faults: tuple[str, ...],
    fhir_base: str,
    seed: bool | None,
    load: tuple[Path, ...],
    validate: bool,
    open_fhir: bool,
    browser: bool,
    lang: Language,
) -> None:
    """Start the sandbox EHR with the app in it, on this machine only.

    Everybody in it is made up. Without --data nothing is kept when it stops.
    """
    from smart_app.sandbox.demo import Demo, running_demo, wait_for_stop  # the app is loaded only when it is served

    wanted = Demo(
        port=port,
        app_port=app_port,
        host=host,
        data=data,
        reset=reset,
        faults=faults,
        fhir_base=fhir_base.rstrip("/"),
        seed=not fhir_base if seed is None else seed,
        load=load,
        validate=validate,
        open_fhir=open_fhir,
    )
    with running_demo(wanted) as (ehr_url, app_url):
        click.echo(words("demo-ready", lang, ehr=ehr_url, app=app_url))
        if browser and has_screen():
            webbrowser.open(f"{ehr_url}/")
        wait_for_stop()
    click.echo(words("stopped", lang))


@click.command("serve", short_help="The app, for the EHRs of a settings file.")
@click.argument("settings", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=_PORT, default=8401, show_default=True, help="Port to listen on.")
@click.option("--threads", type=click.IntRange(1, 256), default=16, show_default=True, help="Requests at a time.")
@language_option
def serve_command(settings: Path, host: str, port: int, threads: int, lang: Language) -> None:
    """Serve the app with a settings file (TOML); behind a reverse proxy that speaks https."""
    from smart_app.sandbox.demo import serve
    from smart_app.settings_file import load_settings

    read = load_settings(settings, os.environ)
    address = f"http://{f'[{host}]' if ':' in host else host}"

    def say(bound: int) -> None:
        folder = str(read.data_dir.resolve())
        click.echo(words("serve-ready", lang, url=read.public_url, address=f"{address}:{bound}", folder=folder))

    serve(read, host=host, port=port, threads=threads, ready=say)


@click.command("validate-server", short_help="The same over HTTP, with a page.")
@click.option("--package", "packages", multiple=True, help="A FHIR package: .tgz, folder, or name#version.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=_PORT, default=8402, show_default=True, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes that validate.")
@click.option("--seconds", type=click.IntRange(1, 600), default=10, show_default=True, help="Time limit of a request.")
@click.option("--max-body", type=click.IntRange(1, 64), default=2, show_default=True, help="Largest body, in MiB.")
@click.option("--per-minute", type=click.IntRange(1), default=120, show_default=True, help="Requests of one address.")
@click.option("--cors-origin", "origins", multiple=True, metavar="ORIGIN", help="Whose scripts may read answers; or *.")
@click.option("--trusted-proxies", type=click.IntRange(0, 5), default=0, show_default=True, help="Proxies before it.")
@tx_policy_option
@unknown_extensions_option
@language_option
def validate_server_command(
    packages: tuple[str, ...],
    host: str,
    port: int,
    workers: int,
    seconds: int,
    max_body: int,
    per_minute: int,
    origins: tuple[str, ...],
    trusted_proxies: int,
    tx_policy: str,
    unknown_extensions: str,
    lang: Language,
) -> None:
    """Validate over HTTP: a page to paste or drop a resource on, and the FHIR operation $validate.

    Needs no EHR and no settings, and keeps nothing. What `serve` runs has the same at /validate and /$validate.
    """
    from smart_app.api.settings import ValidatorSettings  # the app is loaded only when it is served
    from smart_app.sandbox.demo import serve_validator

    settings = ValidatorSettings(
        packages=packages,
        policy=validation_policy(tx_policy, unknown_extensions),
        workers=workers,
        seconds=seconds,
        body_bytes=max_body * 1024 * 1024,
        requests_per_minute=per_minute,
        cors_origins=origins,
    )

    def say(url: str) -> None:
        click.echo(words("validate-server-ready", lang, url=url))

    serve_validator(settings, host=host, port=port, trusted_proxies=trusted_proxies, ready=say)
    click.echo(words("stopped", lang))


def has_screen() -> bool:
    """Whether a browser window can be shown; without one, a text browser would take the terminal over."""
    return os.name == "nt" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
