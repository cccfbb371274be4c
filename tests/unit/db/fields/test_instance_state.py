"""What an instance knows besides its values."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import openviper.db
from openviper.db.fields import CharField, ForeignKey
from openviper.db.fields import instance_state as state
from openviper.db.models import Model

ROOT = Path(openviper.db.__file__).parent


class Keeper(Model):
    _app_name = "state"

    name = CharField(max_length=5)


class Hamster(Model):
    _app_name = "state"

    name = CharField(max_length=5)
    owner = ForeignKey(Keeper, null=True)


def test_a_new_instance_has_no_row_and_no_origin() -> None:
    pet = Hamster(name="x")
    assert not state.is_stored(pet)
    assert state.layout_of(pet) is None and state.alias_of(pet) is None
    assert state.prefetched_of(pet) == {}
    assert state.field_values(pet) == {"id": None, "name": "x", "owner_id": None}


def test_a_row_is_remembered_with_its_layout_and_forgotten_with_it() -> None:
    pet = Hamster()
    state.remember_row(pet, (1, "x"), ("id", "name"))
    assert state.is_stored(pet) and state.layout_of(pet) == ("id", "name")
    assert pet.get_deferred_fields() == {"owner"}
    state.remember_row(pet, (1, "x", None))
    assert state.is_stored(pet) and state.layout_of(pet) is None
    state.remember_row(pet, None)
    assert not state.is_stored(pet) and pet._row is None and "_row" not in vars(pet)


def test_the_database_it_came_from_is_remembered_where_it_is_another_one() -> None:
    pet = Hamster()
    state.remember_alias(pet, "replica")
    assert state.alias_of(pet) == pet._alias == "replica"
    state.remember_alias(pet, None)
    assert state.alias_of(pet) is None and "_alias" not in vars(pet)


def test_what_was_loaded_with_it_can_be_forgotten_in_parts_or_whole() -> None:
    owner, pet = Keeper(id=3), Hamster(owner_id=3)
    state.remember_related(pet, "owner", owner)
    state.remember_prefetched(pet, "toys", [1])
    state.remember_prefetched(pet, "friends", [2])
    assert state.loaded_relation(pet, "owner") is owner is pet.owner
    state.forget_prefetched(pet, "toys")
    state.forget_prefetched(pet, "nothing")
    assert state.prefetched_of(pet) == {"friends": [2]}
    state.forget_related(pet, ["owner", "nothing"])
    assert state.loaded_relation(pet, "owner") is None and state.prefetched_of(pet) == {}


KEYS = {state.ROW, state.LAYOUT, state.ALIAS, state.PREFETCHED}


@pytest.mark.parametrize("room", ["models", "fields", "virtual", "query", "sql"])
def test_no_other_file_names_the_keys(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        if path.name == "instance_state.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not texts & KEYS, path


def test_every_key_is_documented() -> None:
    text: Any = state.__doc__
    for key in KEYS:
        assert re.search(rf"^``{key}``", text, re.MULTILINE), key
