"""A row for each model, so that rights on models can be granted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from openviper.auth.models import ContentType
from openviper.core.context import ignore_permissions
from openviper.db.models import model_registry
from openviper.db.schemas.schema_files import DIRECTORY, read_all_raw_schemas
from openviper.exceptions import TableNotFound


async def sync_content_types(labels: Iterable[tuple[str, str]] | None = None) -> int:
    """Add the missing content types of models.

    Those of models that are gone stay, with the rights that refer to them: the model may only be moved away for a while.

    Args:
        labels: App label and name of each model; all registered models when not given.

    Returns:
        How many were added.
    """
    if labels is None:
        labels = [(model._meta.app_name, model._meta.model_name) for model in model_registry.all()]
    wanted = set(labels)
    with ignore_permissions():
        present = set(await ContentType.objects.all().values_list("app_label", "model"))
        missing = [ContentType(app_label=app, model=name) for app, name in sorted(wanted - present)]
        if missing:
            await ContentType.objects.bulk_create(missing)
    return len(missing)


async def sync_described_content_types(directories: Iterable[str]) -> None:
    """Add the missing content types of the models that schema files describe, without importing a model.

    Nothing is done while the table is not there: the run of `migrate` that makes it adds them all.

    Args:
        directories: Those of apps.
    """
    try:
        await sync_content_types(_described(directories))
    except TableNotFound:
        return


def _described(directories: Iterable[str]) -> Iterator[tuple[str, str]]:
    for directory in directories:
        for document in read_all_raw_schemas(f"{directory}/{DIRECTORY}").values():
            yield document["app"], document["model"]
