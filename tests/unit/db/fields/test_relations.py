"""Foreign keys without a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.db.fields import AutoField, CharField, ForeignKey, LazyFK, OneToOneField
from openviper.db.models import Model, ModelMeta, model_registry
from openviper.exceptions import FieldError


class Owner(Model):
    _app_name = "relations"

    name = CharField(max_length=5)


class Pet(Model):
    _app_name = "relations"

    owner = ForeignKey(Owner, related_name="pets")
    owner_id: int
    friend = ForeignKey("self", null=True)
    code = OneToOneField(Owner, null=True, db_column="owner_code")


def key(model: Any, name: str) -> Any:
    """Return a foreign key."""
    return model._meta.field(name)


def test_assigning_sets_key_and_cache() -> None:
    owner, pet = Owner(id=3), Pet()
    pet.owner = owner
    assert pet.owner_id == 3 and pet.owner is owner
    pet.owner_id = 4
    assert isinstance(pet.owner, LazyFK) and pet.owner.fk_id == 4
    loose: Any = pet
    loose.owner = 5
    assert pet.owner_id == 5
    loose.owner = Pet(owner_id=9).owner
    assert pet.owner_id == 9
    loose.owner = None
    assert loose.owner_id is None and not loose.owner


def test_unsaved_and_foreign_instances_are_refused() -> None:
    with pytest.raises(ValueError, match="not saved"):
        Pet(owner=Owner())
    with pytest.raises(ValueError, match="is not a Owner"):
        Pet(owner=Pet(id=1))


def test_the_constructor_takes_field_attribute_and_column_names() -> None:
    owner = Owner(id=3)
    assert Pet(owner=owner).owner is owner
    assert Pet(owner=3).owner_id == 3
    assert Pet(owner_id=3).owner_id == 3
    assert Pet(owner_code=7).to_dict() == {
        "id": None,
        "owner_id": None,
        "friend_id": None,
        "code_id": 7,
    }


def test_a_lazy_reference_compares_by_its_key() -> None:
    lazy: Any = Pet(owner_id=3).owner
    assert lazy == Pet(owner_id=3).owner and lazy == Owner(id=3) and lazy == 3 and lazy != 4
    assert (hash(lazy), int(lazy), str(lazy), bool(lazy)) == (hash(3), 3, "3", True)
    assert repr(lazy) == "<LazyFK owner id=3>"
    with pytest.raises(AttributeError, match="await it or use select_related"):
        lazy.name
    assert not hasattr(lazy, "__len__")


def test_keys_take_the_type_and_column_of_their_target() -> None:
    field, code, friend = (key(Pet, name) for name in ("owner", "code", "friend"))
    assert (field.column_name, field.attname, field.db_type()) == (
        "owner_id",
        "owner_id",
        "INTEGER",
    )
    assert field.db_index and not field.unique
    assert code.unique and not code.db_index and code.column_name == "owner_code"
    assert friend.remote_model is Pet and field.remote_model is Owner


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("cascade", "CASCADE"),
        ("SET_NULL", "SET NULL"),
        ("set null", "SET NULL"),
        ("PROTECT", "RESTRICT"),
        ("do_nothing", "NO ACTION"),
        ("SET_DEFAULT", "SET DEFAULT"),
    ],
)
def test_on_delete_is_normalised(given: str, normal: str) -> None:
    assert ForeignKey(Owner, on_delete=given, null=True).on_delete == normal


def test_wrong_deferrable_is_refused() -> None:
    assert ForeignKey(Owner, deferrable="immediate").deferrable == "immediate"
    assert ForeignKey(Owner).deferrable is None
    wrong: Any = "sometimes"
    with pytest.raises(ValueError, match="deferrable='sometimes' is neither"):
        ForeignKey(Owner, deferrable=wrong)


def test_wrong_on_delete_is_refused() -> None:
    with pytest.raises(ValueError, match="on_delete"):
        ForeignKey(Owner, on_delete="EXPLODE")
    with pytest.raises(ValueError, match="null=True"):
        ForeignKey(Owner, on_delete="SET NULL")


def test_targets_are_found_by_name() -> None:
    class Far(Model):
        _app_name = "elsewhere"
        to_label = ForeignKey("relations.Owner")
        to_path = ForeignKey(f"{__name__}.Owner")
        to_name = ForeignKey("Pet")
        to_call = ForeignKey(lambda: Owner)
        to_nothing = ForeignKey("NoSuchModel")

    try:
        assert key(Far, "to_label").remote_model is Owner
        assert key(Far, "to_path").remote_model is Owner
        assert key(Far, "to_name").remote_model is Pet
        assert key(Far, "to_call").remote_model is Owner
        with pytest.raises(FieldError, match="NoSuchModel"):
            _ = key(Far, "to_nothing").remote_model
    finally:
        model_registry.unregister(Far)


def test_a_bare_name_in_several_other_apps_is_ambiguous() -> None:
    twins = [
        ModelMeta("Twin", (Model,), {"_app_name": app, "__module__": __name__, "id": AutoField()})
        for app in ("one", "two")
    ]

    class Asking(Model):
        _app_name = "three"
        twin = ForeignKey("Twin")

    try:
        with pytest.raises(FieldError, match="one.Twin, two.Twin"):
            _ = key(Asking, "twin").remote_model
    finally:
        for model in (*twins, Asking):
            model_registry.unregister(model)


def test_a_bare_name_waits_for_the_model_of_its_own_app() -> None:
    class Wheel(Model):
        _app_name = "elsewhere"

    class Car(Model):
        _app_name = "relations"
        wheel = ForeignKey("Wheel", related_name="cars")

    class OwnWheel(Model):
        _app_name = "relations"

    own = ModelMeta("Wheel", (Model,), {"_app_name": "relations"})
    try:
        assert key(Car, "wheel").remote_model is own
        assert "cars" in own._meta.reverse and not Wheel._meta.reverse
    finally:
        for model in (Wheel, Car, OwnWheel, own):
            model_registry.unregister(model)


def test_a_bare_name_of_another_app_is_connected_when_no_better_one_comes() -> None:
    class Engine(Model):
        _app_name = "elsewhere"

    class Lorry(Model):
        _app_name = "relations"
        engine = ForeignKey("Engine", related_name="lorries")

    try:
        engine: Any = Engine(id=2)
        assert engine.lorries.model is Lorry
        assert not hasattr(engine, "cars") and not hasattr(Engine(id=2), "_lorries")
    finally:
        model_registry.unregister(Engine)
        model_registry.unregister(Lorry)


def test_a_dotted_path_is_imported_when_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far_away").mkdir()
    (tmp_path / "far_away" / "__init__.py").touch()
    (tmp_path / "far_away" / "models.py").write_text(
        "from openviper.db.models import Model\n\n\nclass Far(Model):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    class Reaching(Model):
        _app_name = "relations"
        there = ForeignKey("far_away.models.Far")
        nowhere = ForeignKey("far_away.views.Far", null=True)

    try:
        assert key(Reaching, "there").remote_model.__module__ == "far_away.models"
        model_registry.unregister(key(Reaching, "there").remote_model)
        with pytest.raises(FieldError, match="Reaching.nowhere: .*far_away.views"):
            _ = key(Reaching, "nowhere").remote_model
    finally:
        model_registry.unregister(Reaching)


def test_a_proxy_has_the_reverse_attributes_of_its_parent() -> None:
    class Keeper(Owner):
        class Meta:
            proxy = True

    try:
        keeper: Any = Keeper(id=1)
        assert keeper.pets.model is Pet and Keeper._meta.reverse is Owner._meta.reverse
    finally:
        model_registry.unregister(Keeper)


def test_reverse_attributes_cannot_be_assigned() -> None:
    owner: Any = Owner(id=1)
    with pytest.raises(AttributeError, match="Owner.pets cannot be assigned"):
        owner.pets = []


def test_related_names_must_be_free() -> None:
    with pytest.raises(FieldError, match="pets"):

        class Rival(Model):
            _app_name = "relations"
            owner = ForeignKey(Owner, related_name="pets")

    with pytest.raises(FieldError, match="name"):

        class Other(Model):
            _app_name = "relations"
            owner = ForeignKey(Owner, related_name="name")

    assert {model.__name__ for model in model_registry.for_app("relations")} == {"Owner", "Pet"}
