"""Models by label, and by what relations call them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openviper.db.fields import CharField, ForeignKey, ManyToManyField
from openviper.db.fields.references import Reference, checked_related_name
from openviper.db.models import Model, ModelMeta, model_registry
from openviper.exceptions import FieldError

MADE: list[Any] = []


def make(app: str, name: str, **body: Any) -> Any:
    """Make a model of an app; it is forgotten at the end of the test."""
    model = ModelMeta(
        name,
        (Model,),
        {"__module__": f"{app}.models", "__qualname__": name, "_app_name": app, **body},
    )
    MADE.append(model)
    return model


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Forget the models of each test."""
    yield
    for model in MADE:
        model_registry.unregister(model)
    MADE.clear()


def test_a_bare_name_prefers_the_app_of_the_relation() -> None:
    own, other = make("reg_a", "Thing"), make("reg_b", "Thing")
    asking: Any = make("reg_a", "Asking")
    assert model_registry.find("Thing", asking) is own
    assert model_registry.find("Thing", other) is other
    found = [model_registry.find(name, asking) for name in ("Asking", "Nothing")]
    assert found == [asking, None]


def test_a_bare_name_that_fits_several_other_apps_is_ambiguous() -> None:
    make("reg_a", "Gadget"), make("reg_b", "Gadget")
    with pytest.raises(FieldError, match=r"'Gadget' is ambiguous; use one of reg_a\.Gadget, reg_b"):
        model_registry.find("Gadget", make("reg_c", "Asking"))


def test_labels_and_paths_name_one_model() -> None:
    thing = make("reg_a", "Thing")
    asking: Any = make("reg_b", "Asking")
    assert model_registry.find("reg_a.Thing", asking) is thing
    assert model_registry.find("reg_a.models.Thing", asking) is thing
    names = ("reg_b.Asking", "reg_a.Nothing", "reg_b.models.Thing")
    found = [model_registry.find(name, asking) for name in names]
    assert found == [asking, None, None]


def test_a_model_of_the_same_label_takes_the_place_of_the_old_one() -> None:
    old = make("reg_a", "Thing")
    new = make("reg_a", "Thing")
    assert model_registry.get("reg_a.Thing") is new and not model_registry.is_registered(old)
    model_registry.unregister(old)
    assert model_registry.is_registered(new) and model_registry.known("reg_a.Thing") is new
    assert model_registry.for_app("reg_a") == [new]
    with pytest.raises(LookupError, match="no model 'reg_a.Other'"):
        model_registry.get("reg_a.Other")


def test_a_model_with_the_label_of_a_join_model_is_refused() -> None:
    label = make("reg_a", "Label", text=CharField())
    post = make("reg_a", "Post", labels=ManyToManyField(label))
    assert (
        model_registry.known("reg_a.PostLabel") is post._meta.many_to_many["labels"].through_model
    )
    with pytest.raises(FieldError, match=r"is the join model of Post\.labels"):
        make("reg_a", "PostLabel", Meta=type("Meta", (), {"table_name": "other"}))


class TestReference:
    def test_self_is_the_model_with_the_relation(self) -> None:
        thing = make("reg_a", "Thing")
        assert Reference("self").resolve(thing) is thing

    def test_what_names_no_model_is_a_type_error(self) -> None:
        for wrong in (3, None, b"x", ["Thing"]):
            given: Any = wrong
            with pytest.raises(TypeError, match="neither a model nor the name of one"):
                Reference(given)

    def test_a_class_that_is_no_model_is_refused_when_it_is_looked_at(self) -> None:
        thing = make("reg_a", "Thing")
        for wrong in (int, lambda: int, lambda: "Thing"):
            given: Any = wrong
            with pytest.raises(FieldError, match="is not a model"):
                Reference(given).resolve(thing)

    def test_a_callable_may_come_too_early(self) -> None:
        thing = make("reg_a", "Thing")
        names: dict[str, Any] = {}
        reference = Reference(lambda: names["Later"] if names else undefined)  # type: ignore[name-defined]  # noqa: F821  # as in a module that is being read
        assert reference.resolve(thing) is None
        with pytest.raises(FieldError, match="no model as its callable returns is known"):
            reference.get(thing, "later")
        names["Later"] = thing
        assert reference.resolve(thing) is reference.get(thing, "later") is thing

    def test_an_early_look_does_not_settle_for_another_app(self) -> None:
        other = make("reg_b", "Thing")
        asking = make("reg_a", "Asking")
        reference = Reference("Thing")
        assert reference.resolve(asking, early=True) is None
        assert Reference("reg_b.Thing").resolve(asking, early=True) is other
        own = make("reg_a", "Thing")
        assert reference.resolve(asking) is own

    def test_a_dotted_path_that_cannot_be_imported_says_why(self) -> None:
        asking = make("reg_a", "Asking")
        with pytest.raises(FieldError, match=r"Asking\.there: .*no_such_module"):
            Reference("no_such_module.models.Thing").get(asking, "there")
        with pytest.raises(FieldError, match=r"Asking\.there: no model 'nowhere\.Thing' is known"):
            Reference("nowhere.Thing").get(asking, "there")


@pytest.mark.parametrize("name", ["", "a b", "_a", "a_", "a__b", "1a", "a-b"])
def test_a_related_name_is_an_attribute_that_queries_can_use(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of an attribute"):
        checked_related_name(name)
    with pytest.raises(ValueError, match="cannot be the name of an attribute"):
        ForeignKey("Thing", related_name=name)


def test_no_related_name_is_said_in_two_ways() -> None:
    assert checked_related_name(None) is checked_related_name("+") is None
    assert checked_related_name("posts") == "posts"


def test_two_relations_cannot_give_one_target_the_same_attribute() -> None:
    target = make("reg_a", "Target", taken=CharField())
    make("reg_a", "First", to=ForeignKey(target, related_name="them"))
    for related_name in ("them", "taken", "save"):
        with pytest.raises(FieldError, match="already"):
            make("reg_a", "Second", to=ForeignKey(target, related_name=related_name))
        assert model_registry.known("reg_a.Second") is None
    assert set(target._meta.reverse) == {"them"}
