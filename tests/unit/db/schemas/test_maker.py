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
from tests.unit.db.schemas.builders import FakeField, fake_model


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


def fake(name: str, table: str, field: str, indexed: bool = True) -> Any:
    """Return a model that is in no registry: two of them would have one name in a database."""
    indexes = [Index([field])] if indexed else []
    fields = {field: FakeField("VARCHAR(10)")}
    return fake_model(name, table, fields, app_name="maker", backend="default", indexes=indexes)


Row = fake("Row", "maker_aisle_row", "number")
Aisle = fake("Aisle", "maker_aisle", "row_number")
Copy = fake("Copy", "maker_aisle_row", "letter", indexed=False)


CLASH = (
    "index 'idx_maker_aisle_row_number' has the name of index 'idx_maker_aisle_row_number' of maker"
)


@pytest.mark.parametrize("url", ["sqlite:///a.db", "postgresql://h/halls"])
def test_names_that_two_models_would_give_are_refused(tmp_path: Path, url: str) -> None:
    rows, aisles = (
        AppModels(name, str(tmp_path), [model]) for name, model in (("r", Row), ("a", Aisle))
    )
    connections.configure({"default": {"URL": url}, "halls": {"URL": url}})
    with pytest.raises(MigrationError, match=f"maker.Aisle: {CLASH}.Row; .*database 'default'"):
        compare_apps([rows, aisles])
    with pytest.raises(MigrationError, match=CLASH):
        compare_apps([aisles], others=[Row])
    assert len(compare_apps([aisles], others=[Seat])[0].changes) == 1


def test_names_are_those_of_one_database(tmp_path: Path) -> None:
    apps = [AppModels("maker", str(tmp_path), [Row, Aisle])]
    connections.configure(
        {"default": {"URL": "mysql://h/shop"}, "halls": {"URL": "mysql://h/shop"}}
    )
    assert len(compare_apps(apps)[0].changes) == 2


def test_a_table_is_that_of_one_model(tmp_path: Path) -> None:
    connections.configure({"default": {"URL": "mysql://h/shop"}})
    with pytest.raises(
        MigrationError, match="table 'maker_aisle_row' is that of maker.Row already"
    ):
        compare_apps([AppModels("maker", str(tmp_path), [Copy])], others=[Row])
