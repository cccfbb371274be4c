"""Checks of the models: can they be imported, do they agree, are they written down in the schema files."""

from __future__ import annotations

from collections.abc import Mapping

from openviper.core.management.apps import import_models_module
from openviper.core.management.base import CommandError, NoModelsModule
from openviper.core.management.checks.findings import Finding
from openviper.core.management.commands.makemigrations import models_of
from openviper.core.management.errors import describe
from openviper.db.schemas.maker import AppModels, compare_apps
from openviper.exceptions import OpenViperException


def check_models(apps: Mapping[str, str]) -> list[Finding]:
    """Return the findings about models.

    Args:
        apps: The directories of the installed apps by name.
    """
    modules, findings = {}, []
    for name in apps:
        try:
            modules[name] = import_models_module(name)
        except NoModelsModule:
            continue
        except CommandError as error:
            findings.append(Finding("models.E001", describe(error), where=name))
    if findings:
        return findings  # What the missing models would contradict or need cannot be said.
    try:
        own = [
            AppModels(name, path, models_of(name, modules.get(name)))
            for name, path in apps.items()
            if not name.startswith("openviper.")
        ]
        compared = compare_apps(own)
    except OpenViperException as error:
        return [Finding("models.E002", describe(error))]
    return [
        Finding(
            "models.W001",
            f"model {change.model!r} is not written down ({change.kind})",
            "Run makemigrations.",
            app.name,
        )
        for app, changes in compared
        for change in changes
    ]
