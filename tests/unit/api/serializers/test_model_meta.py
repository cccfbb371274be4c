"""What a `Meta` may say, and what is told of mistakes in it."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

import pytest

from openviper.db import (
    BinaryField,
    BooleanField,
    CharField,
    DateTimeField,
    FileField,
    ForeignKey,
    JSONField,
    ManyToManyField,
    Model,
    OneToOneField,
    PasswordField,
    TextField,
    UUIDField,
)
from openviper.db.fields.base import Field
from openviper.serializers import (
    ModelSerializer,
    Serializer,
    SerializerError,
    computed_field,
    model_serializer,
)
from openviper.validation import Alias, MinLength, ParseError, ReadOnly

M = TypeVar("M", bound=Model)


class Shelf(Model):
    _app_name = "meta_of_serializers"

    name = CharField(max_length=10)


class Odd(Field[Any]):
    base_type = "TEXT"


class Work(Model):
    _app_name = "meta_of_serializers"

    title = CharField(max_length=10, help_text="As printed.")
    kind = CharField(max_length=5, choices=[("new", "New"), ("old", "Old")], default="new")
    shelf = ForeignKey(Shelf, related_name="works", null=True)
    marks = ManyToManyField(Shelf, related_name="marked")
    cover = FileField()
    scan = BinaryField(null=True)
    facts = JSONField(default=dict)
    notes = TextField(blank=True)
    lent = BooleanField()
    made = DateTimeField(auto_now_add=True)
    inner = CharField(max_length=3, editable=False, default="x")
    password = PasswordField(null=True)
    dump = CharField(max_length=3, default="")
    twin = OneToOneField("Work", null=True, related_name="other")
    odd = Odd(null=True)

    @property
    def shown_title(self) -> str:
        return f"<{self.title}>"


class Base(Model):
    class Meta:
        abstract = True


def made(**options: Any) -> type[ModelSerializer[Any]]:
    return model_serializer(Work, **options)


def test_fields_are_those_of_the_columns() -> None:
    cls = made(exclude=["odd", "id"])
    received, sent = cls.input_schema(), cls.output_schema()
    assert received["required"] == ["title", "lent"]
    assert list(received["properties"]) == [
        "title",
        "kind",
        "shelf",
        "scan",
        "facts",
        "notes",
        "lent",
        "dump",
        "twin",
    ]
    assert set(sent["properties"]) - set(received["properties"]) == {"cover", "made", "inner"}
    assert received["properties"]["title"]["maxLength"] == 10
    assert received["properties"]["title"]["description"] == "As printed."
    assert received["properties"]["kind"]["enum"] == ["new", "old"]
    work = cls.validate({"title": "x", "lent": True})
    assert work.facts == {} and work.kind == "new" and work.notes == ""
    # A field with the name of a method is one with an underscore, in Python.
    assert work.dump_ == "" and cls.validate({"title": "x", "lent": True, "dump": "a"}).dump_ == "a"
    assert cls.model is Work and cls.__name__ == "Work"
    with pytest.raises(ParseError, match="made: is read-only"):
        cls.validate({"title": "x", "lent": True, "made": None})


def test_extra_words_change_a_field() -> None:
    extra = {
        "title": {"min_length": 2, "title": "Name", "default": "none", "pattern": "[a-z]+"},
        "notes": {"required": True},
        "lent": {"required": False},
        "inner": {"read_only": False},
        "kind": {"write_only": True, "description": "Which.", "example": "old"},
        "facts": {"default": list},
    }
    cls = made(fields=list(extra), extra_kwargs=extra, name="Changed")
    schema = cls.input_schema()
    assert schema["required"] == ["notes"] and cls.__name__ == "Changed"
    assert schema["properties"]["title"]["minLength"] == 2
    assert schema["properties"]["title"]["title"] == "Name"
    assert schema["properties"]["kind"]["examples"] == ["old"]
    assert "kind" not in cls.output_schema()["properties"]
    work = cls.validate({"notes": "x"})
    assert (work.title, work.facts, work.inner) == ("none", [], "x") and not hasattr(work, "lent")


def test_read_only_and_write_only_fields_are_named_in_meta_too() -> None:
    cls = made(fields=["title", "notes", "marks"], readonly_fields=["title", "marks"])
    assert list(cls.input_schema()["properties"]) == ["notes"]
    cls = made(fields=["title", "notes", "marks"], writeonly_fields=["title", "marks"])
    assert list(cls.output_schema()["properties"]) == ["notes"]
    assert cls.input_schema()["required"] == ["title", "marks"]


class Strict(ModelSerializer[Work]):
    title: Annotated[str, MinLength(3)]
    shown_title: Annotated[str, ReadOnly()]
    again: str

    class Meta:
        model = Work
        fields = ["id", "title", "again"]
        unsaved_fields = ["again"]

    @computed_field
    def length(self) -> int:
        return len(self.title)


class Stricter(Strict):
    number: Annotated[int, Alias("no")] = 0

    class Meta(Strict.Meta):
        unsaved_fields = ["again", "number"]


def test_declared_fields_take_the_place_of_columns() -> None:
    assert list(Strict.input_schema()["properties"]) == ["title", "again"]
    assert list(Strict.output_schema()["properties"]) == ["id", "title", "shown_title", "length"]
    shown = Strict.from_orm(Work(id=3, title="abc"))
    assert shown.serialize() == {"id": 3, "title": "abc", "shown_title": "<abc>", "length": 3}
    with pytest.raises(ParseError, match="title: must have at least 3"):
        Strict.validate({"title": "x", "again": ""})
    assert Stricter.validate({"title": "xyz", "again": "", "no": 4}).number == 4
    assert Strict(id=1, title="abc", shown_title="", again="").title == "abc"


class Bare(ModelSerializer[M], Generic[M]):
    """A base for others, without a model."""

    @computed_field
    def kind(self) -> str:
        return type(self).__name__


class ShelfOut(Bare[Shelf]):
    class Meta:
        fields = ["name"]


def test_the_model_may_stand_in_brackets_only() -> None:
    assert ShelfOut.model is Shelf
    assert ShelfOut.from_orm(Shelf(name="a")).serialize() == {"name": "a", "kind": "ShelfOut"}
    with pytest.raises(SerializerError, match="Bare has no Meta"):
        Bare.validate({})


def test_relations_that_are_not_columns_are_shown_as_keys() -> None:
    shelf = model_serializer(Shelf, fields=["works", "marked"])
    assert shelf.input_schema()["properties"] == {}
    assert shelf.output_schema()["properties"]["works"]["type"] == "array"
    twin = made(fields=["twin", "other"])
    assert list(twin.input_schema()["properties"]) == ["twin"]
    assert made(fields=["marks"]).input_schema()["required"] == ["marks"]


def test_a_model_that_comes_later_is_found_when_it_is_needed() -> None:
    class Code(Model):
        _app_name = "meta_of_serializers"

        key = UUIDField(primary_key=True, default=lambda: None)
        wanted: Any = ForeignKey("ComesLater", null=True)

    cls = model_serializer(Code, exclude=[])
    with pytest.raises(TypeError, match="no model 'ComesLater' is known"):
        cls.validate({})

    class ComesLater(Model):
        _app_name = "meta_of_serializers"

    assert cls.validate({"wanted": 3}).wanted == 3
    assert list(cls.input_schema()["properties"]) == ["wanted"]
    assert ComesLater._meta.model_name == "ComesLater"


class ShelfNested(ModelSerializer[Shelf]):
    class Meta:
        fields = ["id", "name"]
        model = Shelf


class Nested(ModelSerializer[Work]):
    shelf: ShelfNested | None
    marks: list[ShelfNested]

    class Meta:
        model = Work
        fields = ["title", "lent", "shelf", "marks"]
        nested_writes = ["marks"]

    async def create(self, **values: Any) -> Work:
        raise NotImplementedError

    async def update(self, instance: Work, **values: Any) -> Work:
        raise NotImplementedError


def test_nested_ones_are_written_where_the_class_does_it_itself() -> None:
    data = {"title": "a", "lent": True, "shelf": 3, "marks": [{"name": "x"}]}
    work = Nested.validate(data)
    assert work.marks == [ShelfNested.validate({"name": "x"})]
    assert work.received_keys == {"shelf": 3}
    assert (
        Nested.input_schema()["properties"]["shelf"]
        == {
            "anyOf": [
                {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
                {"type": "null"},
            ],
            "default": None,
        }
        or "anyOf" in Nested.input_schema()["properties"]["shelf"]
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"fields": ["titel"]}, "fields names 'titel', which is not there; did you mean 'title'"),
        ({"exclude": ["titel"]}, "exclude names 'titel'.*did you mean 'title'"),
        ({"fields": "title"}, "is a list of names, not 'title'"),
        ({"fields": ["title"], "exclude": []}, "either fields.*or exclude"),
        ({"fields": ["title"], "read_only_fields": []}, "did you mean 'readonly_fields'"),
        ({"fields": ["title"], "readonly_fields": ["note"]}, "readonly_fields names 'note'"),
        ({"fields": ["title"], "extra_kwargs": {"titl": {}}}, "did you mean 'title'"),
        ({"fields": ["title"], "extra_kwargs": {"title": {"minlength": 1}}}, "'min_length'"),
        ({"fields": ["title"], "extra_kwargs": {"title": 3}}, "is a dict, not 3"),
        ({"fields": ["title"], "extra_kwargs": []}, "a dict of dicts"),
        ({"fields": ["title"], "extra_kwargs": {"title": {"required": "no"}}}, "true or false"),
        (
            {"fields": ["title"], "extra_kwargs": {"title": {"required": True, "default": ""}}},
            "what has a default is not required",
        ),
        (
            {"fields": ["lent"], "extra_kwargs": {"lent": {"min_length": 1}}},
            "MinLength says nothing",
        ),
        (
            {"fields": ["made"], "extra_kwargs": {"made": {"required": True}}},
            "'required' says nothing",
        ),
        (
            {"fields": ["marks"], "extra_kwargs": {"marks": {"default": []}}},
            "'default' says nothing",
        ),
        ({"fields": ["odd"]}, "knows no type for a Odd"),
        ({"fields": ["made"], "writeonly_fields": ["made"]}, "both read-only and write-only"),
        (
            {"fields": ["password"], "extra_kwargs": {"password": {"write_only": False}}},
            "the hash of a password is not sent",
        ),
        (
            {"fields": ["title"], "nested": {"extra": str}},
            "extra is received, and Work does not keep",
        ),
        ({"fields": ["title"], "unsaved_fields": ["title"]}, "unsaved_fields names 'title'"),
        (
            {
                "fields": ["marks"],
                "nested": {"marks": list[ShelfNested]},
                "nested_writes": ["marks"],
            },
            "marks is received, and Work does not keep",
        ),
        (
            {
                "fields": ["shelf"],
                "nested": {"shelf": ShelfNested | None},
                "extra_kwargs": {"shelf": {}},
            },
            "extra_kwargs names 'shelf'",
        ),
    ],
)
def test_mistakes_are_told_when_the_class_is_made(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        made(**options)


def test_further_mistakes() -> None:
    with pytest.raises(SerializerError, match="is abstract"):
        model_serializer(Base, fields="__all__")
    with pytest.raises(SerializerError, match="model = 3 is not a model"):
        model_serializer(3)  # type: ignore[arg-type]  # It is refused.
    with pytest.raises(SerializerError, match="model = Shelf, and the base says Work"):

        class Both(ModelSerializer[Work]):
            class Meta:
                model = Shelf
                fields = ["name"]

    with pytest.raises(SerializerError, match="the relation gives one row"):
        made(fields=[], nested={"shelf": list[ShelfNested]}).from_orm(Work(title="x"))
    with pytest.raises(SerializerError, match=r"there may be no Shelf; write `\| None`"):
        made(fields=[], nested={"shelf": ShelfNested}).from_orm(Work(title="x"))


class Loop(ModelSerializer[Work]):
    twin: Loop | None

    class Meta:
        model = Work
        fields = ["title", "twin"]


def test_what_shows_itself_without_end_is_refused() -> None:
    with pytest.raises(SerializerError, match="Loop contains itself: Loop -> Loop"):
        Loop.validate({"title": "x"})
    with pytest.raises(SerializerError, match="contains itself"):
        Loop.from_orm(Work(title="x"))


def test_a_plain_serializer_reads_rows_too() -> None:
    class Short(Serializer):
        title: str
        shelf: int | None

    assert Short.from_orm(Work(title="a", shelf_id=3)).serialize() == {"title": "a", "shelf": 3}
