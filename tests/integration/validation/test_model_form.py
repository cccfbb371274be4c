"""Forms of models, on every database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.db import (
    BooleanField,
    CharField,
    DecimalField,
    EmailField,
    ForeignKey,
    IntegerField,
    Model,
    TextField,
)
from openviper.exceptions import FieldError
from openviper.http.forms import FormData
from openviper.validation import ModelForm
from openviper.validation.forms.bound import BoundField
from openviper.validation.forms.model_records import record_of
from tests.integration.db.support import database

EVERY_DATABASE = True


class Harbour(Model):
    _app_name = "formed"

    name = CharField(max_length=20)

    def __str__(self) -> str:
        return f"the harbour of {self.name}"


class Ship(Model):
    _app_name = "formed"

    name = CharField(max_length=10, unique=True, help_text="As painted.")
    kind = CharField(max_length=5, choices=[("sail", "Sailing"), ("motor", "Motor")])
    home = ForeignKey(Harbour, null=True)
    home_id: int | None
    crew = IntegerField(default=2)
    draught = DecimalField(max_digits=5, decimal_places=2, null=True)
    contact = EmailField(null=True)
    notes = TextField(blank=True, default="")
    insured = BooleanField(default=True)
    owner_code = CharField(max_length=9, default="internal", editable=False)


FIELDS = ["name", "kind", "home", "crew", "draught", "contact", "notes", "insured"]


class Asked:
    def __init__(self, **data: Any) -> None:
        self._data = data

    async def form(self) -> FormData:
        return FormData([(name, str(value)) for name, value in self._data.items()])


async def test_a_row_is_made_and_changed(tmp_path: Path) -> None:
    async with database(tmp_path, Harbour, Ship):
        kiel = await Harbour.objects.create(name="Kiel")
        form = await ModelForm.of(Ship, FIELDS)
        assert f'<option value="{kiel.pk}">the harbour of Kiel</option>' in str(form)
        name = form["name"]
        assert isinstance(name, BoundField) and name.help == "As painted."
        sent = Asked(name="Emma", kind="sail", home=kiel.pk, draught="1.50", owner_code="mine")
        assert await form.read(sent), form.errors
        ship = await form.save()
        assert ship is not None
        stored = await Ship.objects.get(pk=ship.pk)
        assert (stored.name, stored.home_id, str(stored.draught)) == ("Emma", kiel.pk, "1.50")
        assert (stored.insured, stored.crew, stored.owner_code) == (False, 2, "internal")

        form = await ModelForm.of(Ship, ["name", "crew"], instance=stored)
        assert 'value="Emma"' in str(form)
        assert await form.read(Asked(name="Emma", crew=5)), form.errors
        assert await form.save() is stored
        assert (await Ship.objects.get(pk=ship.pk)).crew == 5
        assert await Ship.objects.count() == 1


async def test_what_a_column_refuses_is_said_beside_its_field(tmp_path: Path) -> None:
    async with database(tmp_path, Harbour, Ship):
        form = await ModelForm.of(Ship, FIELDS)
        sent = Asked(name="x" * 11, kind="row", crew=2**40, contact="x", home=99, draught="much")
        assert not await form.read(sent)
        assert set(form.errors) == {"name", "kind", "crew", "contact", "draught"}
        assert not await form.read(Asked(name="Emma", kind="sail", home=99))
        assert form.errors == {"home": ["Must be one of the choices."]}
        assert await Ship.objects.count() == 0


async def test_a_value_that_is_taken_is_told_before_and_in_a_race(tmp_path: Path) -> None:
    async with database(tmp_path, Harbour, Ship):
        late = await ModelForm.of(Ship, ["name", "kind"])
        assert await late.read(Asked(name="Emma", kind="sail"))
        emma = await Ship.objects.create(name="Emma", kind="sail")
        assert await late.save() is None
        assert late.errors == {"name": ["There is one with this value already."]}
        form = await ModelForm.of(Ship, ["name", "kind"])
        assert not await form.read(Asked(name="Emma", kind="sail"))
        assert form.errors == {"name": ["There is one with this value already."]}
        own = await ModelForm.of(Ship, ["name"], instance=emma)
        assert await own.read(Asked(name="Emma"))
        assert await Ship.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (["nam"], "has no field 'nam'"),
        (["owner_code"], "Ship.owner_code cannot be changed"),
    ],
)
async def test_fields_that_no_form_may_have_are_refused(fields: list[str], reason: str) -> None:
    with pytest.raises(FieldError, match=reason):
        record_of(Ship, fields)
