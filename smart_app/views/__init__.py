"""The app on screen: one blueprint per topic, all under ``/l/<launch_id>/``."""

from __future__ import annotations

from flask import Blueprint

from smart_app.views import checking, consents, errors, figures, history, network, safety, shell, wizard, worklist

__all__ = ["BLUEPRINTS"]

BLUEPRINTS: tuple[Blueprint, ...] = (
    shell.blueprint,
    errors.blueprint,
    network.blueprint,
    figures.blueprint,
    wizard.blueprint,
    checking.blueprint,
    consents.blueprint,
    safety.blueprint,
    history.blueprint,
    worklist.blueprint,
)
"""Registered by the app factory; ``shell`` first: it prepares the templates of all."""
