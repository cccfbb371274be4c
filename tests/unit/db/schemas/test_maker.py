"""What `makemigrations` refuses before it writes a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import connections, reset_engine
from openviper.db.fields import CharField, Index, UniqueConstraint
from openviper.db.models import Model
from openviper.db.schemas.maker import AppModels, compare_apps
from openviper.exceptions import MigrationError


class Ticket(Model):
    _app_name = "maker"

    state = CharField(max_length=10)

    class Meta:
        indexes = [Index(["state"], name="ticket_open", condition="state = 'open'")]


class Seat(Model):
    _app_name = "maker"

    row = CharField(max_length=10)

    class Meta:
        backend = "halls"
        constraints = [UniqueConstraint(fields=["row"], name="seat_once", condition="row <> ''")]


@pytest.fixture(autouse=True)
def no_databases() -> Iterator[None]:
    """Leave no configuration behind."""
    yield
    reset_engine()


@pytest.mark.parametrize(
    ("model", "alias", "message"),
    [
        (
            Ticket,
            "default",
            "maker.Ticket: index 'ticket_open' has a condition.*database 'default'",
        ),
        (
            Seat,
            "halls",
            "maker.Seat: constraint 'seat_once' has a condition.*database 'halls'",
        ),
    ],
)
def test_a_partial_index_is_refused_for_a_database_that_has_none(
    tmp_path: Path, model: Any, alias: str, message: str
) -> None:
    app = AppModels("maker", str(tmp_path), [model])
    urls = {"default": "sqlite:///a.db", "halls": "postgresql://h/halls"}
    connections.configure({name: {"URL": url} for name, url in urls.items()})
    assert len(compare_apps([app])[0].changes) == 1
    connections.configure(
        {name: {"URL": url} for name, url in {**urls, alias: "mysql://h/shop"}.items()}
    )
    with pytest.raises(MigrationError, match=message):
        compare_apps([app])
    router = "openviper.db.routing.PrimaryReplicaRouter"
    connections.configure({"default": {"URL": "mysql://h/shop"}, "ROUTERS": [router]})
    assert (
        len(compare_apps([app])[0].changes) == 1
    )  # Any database may be the one, or there is none of this name.
