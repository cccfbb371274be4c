"""A row for each model, so that rights on models can be granted."""

from __future__ import annotations

from openviper.auth.models import ContentType
from openviper.core.context import ignore_permissions
from openviper.db.models import registry


async def sync_content_types() -> int:
    """Add the missing content types of all registered models.

    Those of models that are gone stay, with the rights that refer to them: the model may only be moved away for a while.

    Returns:
        How many were added.
    """
    wanted = {(model._meta.app_name, model._meta.model_name) for model in registry.all()}
    with ignore_permissions():
        present = set(await ContentType.objects.all().values_list("app_label", "model"))
        missing = [ContentType(app_label=app, model=name) for app, name in sorted(wanted - present)]
        if missing:
            await ContentType.objects.bulk_create(missing)
    return len(missing)
