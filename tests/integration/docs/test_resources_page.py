"""The page about resources is true: its examples are put together and tried."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db.models import Model
from openviper.exceptions import ImproperlyConfigured
from openviper.testing import override_openviper_settings as override
from tests.integration.db.support import database
from tests.integration.docs.pages import page
from tests.integration.docs.test_web_pages import a_module, blocks, run

USED = {"pytest": pytest, "Decimal": Decimal, "ImproperlyConfigured": ImproperlyConfigured}


@pytest.mark.parametrize("name", ["resources", "from-drf"])
async def test_every_example_does_what_the_page_says(name: str, tmp_path: Path) -> None:
    found = blocks(page(f"how-to/{name}.md"))
    with override(MIDDLEWARE=()), a_module(f"docs_{name.replace('-', '_')}") as names:
        names |= USED
        [models] = [source for _, title, source in found if title == "models.py"]
        await run(models, names)
        async with database(tmp_path, *_models(names)):
            for _, title, source in found:
                if title == "try":
                    names["client"] = names["app"].test_client()
                    await _note(names)
                if title != "models.py":
                    await run(source, names)
    assert any(title == "try" for _, title, _ in found)


def _models(names: dict[str, Any]) -> list[type[Model]]:
    kinds = [value for value in names.values() if isinstance(value, type)]
    return [kind for kind in kinds if issubclass(kind, Model) and kind is not Model]


async def _note(names: dict[str, Any]) -> None:
    """Note the key of a book, once there is one, for the examples that are about one."""
    first = await names["Book"].objects.order_by("id").first()
    names["found_id"] = None if first is None else first.pk
