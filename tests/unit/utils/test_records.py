"""Records: immutable classes with slots, cheap to declare."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from openviper.utils.records import record


@record(frozen=True, slots=True, eq=False)
class Place:
    """A place."""

    shelf: str
    number: int = 7
    room: ClassVar[str] = "cellar"

    @property
    def label(self) -> str:
        """Shelf and number."""
        return f"{self.shelf}{self.number}"


@record(frozen=True, slots=True, eq=False)
class Box(Place):
    """A place with something in it."""

    number: int = 8
    content: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PlainPlace:
    """What a record has to be like."""

    shelf: str
    number: int = 7
    room: ClassVar[str] = "cellar"


def test_the_values_are_given_by_place_and_by_name() -> None:
    assert Place("a", 1).label == "a1"
    assert Place(shelf="b").label == "b7"
    assert Place(number=3, shelf="c").label == "c3"


def test_a_class_variable_is_no_argument() -> None:
    assert Place.__match_args__ == ("shelf", "number")
    assert Place("a").room == "cellar"
    wrong: dict[str, Any] = {"room": "attic"}
    with pytest.raises(TypeError, match="room"):
        Place("a", **wrong)


def test_a_subclass_has_the_fields_of_its_base_first_and_its_own_defaults() -> None:
    assert Box.__match_args__ == ("shelf", "number", "content")
    box = Box("a", content=("nails",))
    assert (box.shelf, box.number, box.content, box.label) == ("a", 8, ("nails",), "a8")
    assert Place("a").number == 7


@pytest.mark.parametrize("arguments", [(), ("a", 1, 2)])
def test_a_wrong_number_of_arguments_is_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match="__init__"):
        Place(*arguments)
    # The same once the first object has been made.
    Place("a")
    with pytest.raises(TypeError, match="__init__"):
        Place(*arguments)


def test_nothing_can_be_set_or_deleted() -> None:
    place: Any = Place("a")
    for name in ("shelf", "colour"):
        with pytest.raises(AttributeError, match=f"Place.{name} cannot be changed"):
            setattr(place, name, "x")
    with pytest.raises(AttributeError, match="Place.shelf cannot be changed"):
        del place.shelf
    assert not hasattr(place, "__dict__")


def test_objects_are_equal_only_to_themselves_and_can_be_keys() -> None:
    first, second = Place("a"), Place("a")
    assert first == first
    assert first != second
    assert len({first, second}) == 2


def test_it_shows_itself_like_a_dataclass() -> None:
    assert repr(Place("a")) == repr(PlainPlace("a")).removeprefix("Plain")
    assert (Place.__doc__, Place.__module__, Place.__qualname__) == ("A place.", __name__, "Place")


def test_copies_and_pickles_have_the_same_values() -> None:
    box = Box("a", 2, ("nails",))
    for again in (copy.copy(box), copy.deepcopy(box), pickle.loads(pickle.dumps(box))):
        assert type(again) is Box
        assert (again.shelf, again.number, again.content) == ("a", 2, ("nails",))


def test_the_initialiser_is_compiled_with_the_first_object() -> None:
    @record(frozen=True, slots=True, eq=False)
    class Late:
        """A class of its own for this test."""

        value: int

    before = vars(Late)["__init__"]
    assert Late(1).value == 1
    after = vars(Late)["__init__"]
    assert after is not before
    assert Late(2).value == 2
    assert vars(Late)["__init__"] is after


def test_other_arguments_than_its_own_are_refused() -> None:
    with pytest.raises(TypeError, match="frozen, has slots"):
        record(frozen=True, slots=True, eq=True)
