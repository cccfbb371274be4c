"""What a model does to an instance is the same before and after it has been given a constructor of its own."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest

from openviper.db.fields import CharField, ForeignKey, IntegerField, JSONField
from openviper.db.models import Model


class Maker(Model):
    _app_name = "constructors"

    name = CharField(max_length=20, default="?")


def fresh() -> type[Any]:
    """Return a model of which no instance has been made."""

    class Tool(Model):
        _app_name = "constructors"

        name = CharField(max_length=20, db_column="called")
        size = IntegerField(default=3)
        tags = JSONField(default=[])
        maker = ForeignKey(Maker, null=True)

    return Tool


GIVEN: list[dict[str, Any]] = [
    {},
    {"name": "saw"},
    {"name": None, "size": None, "tags": None, "maker": None},
    {"called": "saw", "size": 0},
    {"pk": 4, "name": "saw", "maker_id": 9},
    {"id": 4, "tags": ["a"], "maker": Maker(id=7)},
    {"maker": Maker(id=7), "name": ""},
]


@pytest.mark.parametrize("given", GIVEN, ids=map(str, GIVEN))
def test_the_first_instance_and_the_next_are_alike(given: dict[str, Any]) -> None:
    tool = fresh()
    general = tool.__init__
    first = tool(**given)
    assert tool.__init__ is not general
    assert vars(tool(**given)) == vars(first)
    assert list(vars(tool(**given)))[:5] == ["id", "name", "size", "tags", "maker_id"]


@pytest.mark.parametrize("name", ["nope", "_row", "save", "_instance", "_others"])
def test_unknown_keywords_are_refused_each_time(name: str) -> None:
    tool = fresh()
    for _ in range(2):
        with pytest.raises(TypeError, match=name):
            tool(**{name: 1})
    with pytest.raises(TypeError):
        tool(1)


def test_defaults_made_anew_are_not_shared() -> None:
    tool = fresh()
    made = [tool() for _ in range(3)]
    made[0].tags.append("x")
    assert [one.tags for one in made] == [["x"], [], []]


def test_a_class_with_its_own_constructor_keeps_it() -> None:
    class Own(Model):
        _app_name = "constructors"

        name = CharField(max_length=20, default="own")

        def __init__(self, **values: Any) -> None:
            self.seen = sorted(values)
            super().__init__(**values)
            self.name = self.name.upper()

    for _ in range(2):
        own = Own(name="a")
        assert (own.seen, own.name) == (["name"], "A")


def test_attributes_that_a_class_sets_itself_are_set_by_it() -> None:
    class Upper(Model):
        _app_name = "constructors"

        name = CharField(max_length=20)

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value.upper() if name == "name" else value)

    for _ in range(2):
        upper = Upper(name="a")
        assert upper.name == "a"  # As ever: what a constructor is given does not pass by there.
        upper.name = "b"
        assert upper.name == "B"


def test_a_field_may_have_the_name_of_a_keyword() -> None:
    make: Any = type(Model)
    model = make(
        "Odd", (Model,), {"__module__": __name__, "class": CharField(max_length=5, default="x")}
    )
    for _ in range(2):
        assert vars(model(**{"class": "b"}))["class"] == "b" and vars(model())["class"] == "x"


def test_a_proxy_has_a_constructor_of_its_own() -> None:
    class Base(Model):
        _app_name = "constructors"

        name = CharField(max_length=20, default="base")

    class Before(Base):
        class Meta:
            proxy = True

    assert Base(name="a").name == "a"

    class After(Base):
        class Meta:
            proxy = True

    for proxy in (Before, After, Before, After):
        made = proxy(name="b")
        assert type(made) is proxy and made.name == "b" and proxy().name == "base"
    assert len({Base.__init__, Before.__init__, After.__init__}) == 3


def test_a_constructor_that_was_replaced_stays() -> None:
    tool: Any = fresh()
    general = tool.__init__

    def replaced(self: Any, **values: Any) -> None:
        general(self, **values, size=9)

    tool.__init__ = replaced
    assert [tool(name="a").size for _ in range(2)] == [9, 9]


def test_the_constructor_names_its_keywords_and_the_class() -> None:
    tool = fresh()
    tool()
    assert list(inspect.signature(tool).parameters)[:5] == [
        "id",
        "name",
        "size",
        "tags",
        "maker_id",
    ]
    assert tool.__init__.__qualname__.endswith("Tool.__init__")
    made = tool(name="a", tags=["x"])
    other = copy.deepcopy(made)
    assert vars(other) == vars(made) and other.tags is not made.tags
