"""Columns and the conditions they give, without a database."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from openviper.db.fields import (
    ArrayField,
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    ForeignKey,
    IntegerField,
    JSONField,
    ManyToManyField,
    OneToOneField,
)
from openviper.db.fields.columns import Column, ColumnName
from openviper.db.models import AbstractModel, F, Model, Q, model_registry
from openviper.exceptions import FieldError


class Author(Model):
    _app_name = "columns"

    name = CharField(max_length=5)


class Label(Model):
    _app_name = "columns"

    text = CharField(max_length=5)


class Base(AbstractModel):
    made = DateTimeField(null=True)

    class Meta:
        abstract = True


class Book(Base):
    _app_name = "columns"

    title = CharField(max_length=5)
    pages = IntegerField()
    stock = IntegerField()
    open = BooleanField()
    data = JSONField()
    words = ArrayField(CharField())
    author = ForeignKey(Author, related_name="books", db_column="writer")
    twin = OneToOneField("self", null=True, related_name="other")
    labels = ManyToManyField(Label, related_name="books")


class Reference(Model):
    _app_name = "columns"

    id = CharField(primary_key=True, max_length=5)
    book = ForeignKey(Book)


BOOK: Any = Book
AUTHOR: Any = Author


def written(condition: Any) -> str:
    """Return a condition as `Q` shows it."""
    return repr(condition.as_condition())


def test_comparisons_are_the_lookups_of_their_names() -> None:
    assert written(Book.title == "x") == "Q(title='x')"
    assert written(Book.pages >= 3) == "Q(pages__gte=3)"
    assert written(Book.pages.between(1, 2)) == "Q(pages__range=(1, 2))"
    assert written(Book.made.date > "2024-01-01") == "Q(made__date__gt='2024-01-01')"  # type: ignore[operator]  # text
    assert written(BOOK.author == 3) == "Q(author=3)"
    assert written(BOOK.author_id == 3) == "Q(author_id=3)"
    assert written(BOOK.author.id == 3) == written(BOOK.author.pk == 3) == "Q(author=3)"
    assert written(BOOK.twin.author.name == "x") == "Q(twin__author__name='x')"
    assert written(BOOK.twin.author_id == 3) == "Q(twin__author_id=3)"
    assert written(BOOK.twin.is_null(False)) == "Q(twin__isnull=False)"
    assert written(Book.pk == 3) == "Q(pk=3)"


def test_many_rows_are_reached_by_the_same_paths_as_names() -> None:
    assert written(BOOK.labels.text == "x") == "Q(labels__text='x')"
    assert written(AUTHOR.books.title == "x") == "Q(books__title='x')"
    assert written(AUTHOR.books.id == 1) == "Q(books__id=1)"
    assert written(AUTHOR.books.labels.text == "x") == "Q(books__labels__text='x')"
    assert written(BOOK.other.title == "x") == "Q(other__title='x')"
    label: Any = Label
    assert written(label.books.author.name == "x") == "Q(books__author__name='x')"


def test_values_in_json_are_reached_by_keys_and_positions() -> None:
    assert written(Book.data["a"][0] == 1) == "Q(data__a__0=1)"
    assert written(Book.data["a"].has_key("b")) == "Q(data__a__has_key='b')"
    for wrong in ("", "a__b", "_a", "a_"):
        with pytest.raises(FieldError, match="cannot be a part of a path"):
            Book.data[wrong]


def test_conditions_combine_with_each_other_and_with_q() -> None:
    one, two = Book.pages == 1, Book.pages == 2
    for combined, same in (
        (one | two, Q(pages=1) | Q(pages=2)),
        (one & Q(pages=2), Q(pages=1) & Q(pages=2)),
        (one ^ two, Q(pages=1) ^ Q(pages=2)),
        (Q(pages=2) | one, Q(pages=2) | Q(pages=1)),
        (Q(pages=2) & one, Q(pages=2) & Q(pages=1)),
        (Q(pages=2) ^ one, Q(pages=2) ^ Q(pages=1)),
        (~one, ~Q(pages=1)),
        (Book.open, Q(open=True)),
        (~Book.open, Q(open=False)),
        (Q(pages=1) & Book.open, Q(pages=1) & Q(open=True)),
        (Q(pages=1) | Book.open, Q(pages=1) | Q(open=True)),
        (Book.open & one, Q(open=True) & Q(pages=1)),
        (Book.open | one, Q(open=True) | Q(pages=1)),
    ):
        assert combined.as_condition() == same


def test_a_condition_has_no_truth_value() -> None:
    for wrong in (
        lambda: Book.pages == 1 and Book.title == "x",
        lambda: Book.pages == 1 or Book.title == "x",
        lambda: not Book.pages > 1,
        lambda: 1 < Book.pages < 3,
        lambda: Book.title in ("x", "y"),
        lambda: bool(Book.open),
        lambda: BOOK.author == Author(id=1) and True,
    ):
        with pytest.raises(TypeError, match="combine conditions with & | ~"):
            wrong()


def test_a_kind_has_no_comparison_of_another() -> None:
    for wrong in (
        lambda: BOOK.pages.startswith("x"),
        lambda: BOOK.title.year,
        lambda: BOOK.title + "x",
        lambda: BOOK.data < 3,
        lambda: BOOK.words > ["x"],
        lambda: BOOK.nope,
        lambda: BOOK.author < 3,
    ):
        refused: Any = wrong
        with pytest.raises((AttributeError, TypeError)):
            refused()
    with pytest.raises(AttributeError, match="Author has no field 'nam'; fields: id, name"):
        BOOK.author.nam  # noqa: B018  # reached for its error
    assert not hasattr(Book.author, "__len__") and not hasattr(AUTHOR.books, "nope")


def test_columns_and_computed_values_stand_on_the_right() -> None:
    condition = (Book.pages > Book.stock).as_condition()
    ((lookup, value),) = condition.children
    assert lookup == "pages__gt" and isinstance(value, F) and value.name == "stock"
    assert "F('stock')" in written(Book.pages > Book.stock * 2 + 1)
    for value in (
        Book.pages + 1,
        1 + Book.pages,
        Book.pages - Book.stock,
        1 - Book.pages,
        Book.pages * 2,
        2 * Book.pages,
        Book.pages / 2,
        2 / Book.pages,
    ):
        assert value.as_expression() is not None and "pages" in repr(value)


def test_orders_name_column_and_direction() -> None:
    for order, descending in (
        (Book.title.desc(), True),
        (Book.title.asc(), False),
        (BOOK.author, False),
    ):
        made = order.as_order()
        assert made.descending is descending and made.expression.name in ("title", "author")


def test_columns_show_where_they_lead() -> None:
    assert repr(Book.title) == "<TextColumn Book.title>"
    assert repr(BOOK.twin.title) == "<TextColumn Book.twin.title>"
    assert repr(BOOK.author) == "<path Book.author>"
    assert repr(Book.pages > 3) == "<ColumnCondition Q(pages__gt=3)>"
    assert len({Book.title, Book.title}) == 2
    assert len({BOOK.author, BOOK.author}) == 2


def test_the_key_is_a_column_of_its_kind() -> None:
    reference: Any = Reference
    assert written(reference.pk.startswith("x")) == "Q(pk__startswith='x')"
    assert type(reference.book_id) is type(Book.pages)
    base: Any = Model
    assert not isinstance(base.pk, Column)  # `Model` itself has no table.


def test_a_class_can_be_looked_at_before_its_targets_are_there() -> None:
    class Early(Model):
        _app_name = "columns"

        later = ForeignKey("columns.NotThereYet")

    try:
        early: Any = Early
        members = dict(inspect.getmembers(Early))
        assert repr(members["later"]) == "<path Early.later>"
        assert written(early.later_id == 3) == "Q(later_id=3)"
        with pytest.raises(FieldError, match="no model 'columns.NotThereYet' is known"):
            early.later.name  # noqa: B018  # reached for its error
    finally:
        model_registry.unregister(Early)


def test_fields_stay_fields_in_the_options() -> None:
    field = Book._meta.field("title")
    assert field == Book._meta.field("title")
    assert field != Book._meta.field("pages")
    assert Book._fields["title"] is field


def test_a_name_knows_whose_it_is() -> None:
    name = ColumnName.of("title__gt", Book)
    assert name == "title__gt" and isinstance(name, str)
    name.check(Book._meta)
    ColumnName.of("made", Base).check(Book._meta)
    with pytest.raises(FieldError, match=r"Book\.title\.gt is not a column of Author"):
        name.check(Author._meta)
    assert ColumnName.like("plain", "x") == "x"


def test_a_project_can_have_kinds_of_its_own() -> None:
    class Point:
        """A value of the project's own."""

    class NearColumn(Column[Point, Point]):
        """What the project's field is on the class."""

        def is_near(self, distance: int) -> Any:
            """Return the condition that a point is near."""
            return self._holds("near", distance)

    class PointField(Field[Point]):
        """A field of the project's own."""

        column_class = NearColumn

    class Place(Model):
        _app_name = "columns"

        point = PointField()

    place: Any = Place
    assert written(place.point.is_near(3)) == "Q(point__near=3)"
