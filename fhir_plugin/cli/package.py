"""``steunfiguren package``: build ours, add and list those of others."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click

from fhir_plugin.cli.files import OutputFile
from fhir_plugin.cli.language import language_option
from fhir_plugin.errors import UsageError
from fhir_plugin.packages.build import build_package
from fhir_plugin.packages.cache import PackageId, find_cached, list_cached, parse_id, resolve_sources
from fhir_plugin.packages.install import install_archive, install_path
from fhir_plugin.packages.source import Package, read_package
from fhir_plugin.texts import Language, render, words

__all__ = ["package_command"]

_FORMAT = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)

_EMPTY: dict[Language, str] = {
    "nl": "Er staan geen pakketten in de FHIR-cache. Zet ze erin met `steunfiguren package add`.",
    "en": "The FHIR cache is empty. Fill it with `steunfiguren package add`.",
}


@click.group("package", short_help="Build our FHIR package, add others.")
def package_command() -> None:
    """Build our FHIR package; add packages of others and list them."""


@package_command.command("build")
@click.option("--canonical", help="Base that takes the place of ours in every url.")
@click.option("--out", type=OutputFile(), default=Path("package.tgz"), show_default=True, help="File to write.")
@_FORMAT
@language_option
def build(canonical: str | None, out: Path, form: str, lang: Language) -> None:
    """Write our profiles, value sets, code systems and examples as a FHIR package.

    The same version of this software gives the same bytes.
    """
    content = build_package(canonical)
    _write(out, content)
    package = read_package(out)
    if form == "json":
        facts = {"file": str(out), "bytes": len(content), "name": package.name, "version": package.version}
        click.echo(json.dumps({**facts, "definitions": len(package.resources)}, indent=2))
    else:
        name, count = f"{package.name}#{package.version}", str(len(package.resources))
        click.echo(words("package-built", lang, file=str(out), name=name, count=count, size=str(len(content))))


@package_command.command("add")
@click.argument("source")
@click.option(
    "--registry",
    envvar="FHIR_PACKAGE_REGISTRY",
    help="Base url of a registry that speaks the FHIR npm protocol, for SOURCE as name@version.",
)
@_FORMAT
@language_option
def add(source: str, registry: str | None, form: str, lang: Language) -> None:
    """Put a package into the FHIR cache.

    SOURCE is a .tgz, a folder with a package.json, or name@version of a package in a registry or already in the cache.
    """
    wanted = None if Path(source).exists() else parse_id(source)
    if wanted is None:
        package = install_path(Path(source))
    elif registry:
        package = _from_registry(wanted, registry)
    else:
        package = _from_cache(wanted)
    _say_package(package, form, lang)


@package_command.command("list")
@_FORMAT
@language_option
def list_packages(form: str, lang: Language) -> None:
    """List the packages in the FHIR cache ($FHIR_PACKAGE_CACHE, or ~/.fhir/packages)."""
    found = list_cached()
    if form == "json":
        rows = [{"name": name, "version": version, "folder": str(folder)} for name, version, folder in found]
        click.echo(json.dumps(rows, indent=2))
    else:
        for name, version, _ in found:
            click.echo(f"{name}#{version}")
        if not found:
            click.echo(_EMPTY[lang], err=True)


def _from_registry(wanted: PackageId, registry: str) -> Package:
    from fhir_plugin.conformance.registry import download  # requests is slow to import, and seldom needed here

    content, exact = download(registry, *wanted)
    return install_archive(content, "#".join(exact), expected=exact)


def _from_cache(wanted: PackageId) -> Package:
    folder = find_cached(*wanted)
    if folder is None:
        raise UsageError(
            "This package is not in the FHIR cache.",
            code="package-missing",
            where="#".join(wanted),
            remedy="Say where to get it: --registry URL, or a file.",
        )
    return read_package(folder)


def _say_package(package: Package, form: str, lang: Language) -> None:
    unmet = resolve_sources([cached])[1] if (cached := find_cached(package.name, package.version)) else []
    issues = [render(issue, lang).text for issue in (*package.issues, *unmet)]
    if form == "json":
        facts = {"name": package.name, "version": package.version, "definitions": len(package.resources)}
        click.echo(json.dumps({**facts, "dependencies": dict(package.dependencies), "issues": issues}, indent=2))
        return
    click.echo(f"{package.name}#{package.version}: {len(package.resources)} definitions")
    for text in issues:
        click.echo(f"  {text}", err=True)


def _write(out: Path, content: bytes) -> None:
    """Write the file at once, so that nobody ever finds half a package."""
    try:
        with tempfile.NamedTemporaryFile(dir=out.parent, prefix=".package-", delete=False) as scratch:
            scratch.write(content)
        Path(scratch.name).chmod(0o644)
        Path(scratch.name).replace(out)
    except OSError as error:
        raise UsageError(
            f"The file cannot be written: {error.strerror or type(error).__name__}.",
            where=str(out),
            remedy="Name a file in a folder that exists and can be written.",
        ) from error
