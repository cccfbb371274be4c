"""How model classes are made."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.fields import (
    AutoField,
    BigAutoField,
    CharField,
    ForeignKey,
    IntegerField,
    UUIDField,
)
from openviper.db.models import (
    AbstractModel,
    CheckConstraint,
    Index,
    Manager,
    Model,
    ModelMeta,
    QuerySet,
    UniqueConstraint,
    check_primary_keys,
    model_registry,
)
from openviper.db.models.meta import snake_case
from openviper.db.sql.lookups import Compare
from openviper.exceptions import FieldError


class Stamped(AbstractModel):
    _app_name = "shapes"

    made = IntegerField(default=1)

    class Meta:
        abstract = True
        ordering = ["-made"]
        unique_together = ("made", "label")


class ShoutingManager(Manager["Figure"]):
    def get_queryset(self) -> QuerySet[Figure]:
        return super().get_queryset().filter(label="X")


class Figure(AbstractModel):
    label = CharField(max_length=5, default="x")
    tags: list[str]
    loud = ShoutingManager()


class Shape(Figure):
    _app_name = "shapes"

    class Meta:
        verbose_name = "form"
        ordering = "label"
        indexes = [Index(fields=["label"], condition="label <> 'drop'")]
        constraints = [
            CheckConstraint(name="ok", check="id > 0"),
            UniqueConstraint(fields=["label"], name="u"),
        ]


class Round(Figure):
    _app_name = "shapes"

    radius = IntegerField(default=2)


class Loud(Shape):
    _app_name = "shapes"

    class Meta:
        proxy = True


def make(name: str = "Made", /, **body: Any) -> Any:
    """Make a model class and take it out of the model_registry again."""
    model = ModelMeta(
        name, (Model,), {"__module__": "a.apps.shop.models", "__qualname__": name, **body}
    )
    model_registry.unregister(model)
    return model


def options(**values: Any) -> type[Any]:
    """Return a class to stand as `Meta`."""
    return type("Meta", (), values)


def test_a_key_is_added_unless_there_is_one() -> None:
    assert list(Shape._fields) == ["id", "label"]
    assert isinstance(Shape._fields["id"], AutoField)
    assert Shape._meta.pk.name == "id"
    assert make(code=CharField(primary_key=True))._meta.pk.name == "code"
    assert list(make(id=BigAutoField(), x=IntegerField())._fields) == ["id", "x"]
    with pytest.raises(ValueError, match="not a primary key"):
        make(id=IntegerField())


def test_several_keys_are_reported_for_all_models_at_once() -> None:
    check_primary_keys()
    body = {
        "__module__": __name__,
        "_app_name": "shapes",
        "a": UUIDField(primary_key=True),
        "b": AutoField(),
    }
    model = ModelMeta("Twice", (Model,), body)
    try:
        with pytest.raises(ValueError, match=r"shapes.Twice \(a, b\)"):
            check_primary_keys()
    finally:
        model_registry.unregister(model)


def test_inherited_fields_come_first_and_are_not_shared() -> None:
    assert list(Round._fields) == ["id", "label", "radius"]
    assert Round._fields["label"] is not Shape._fields["label"]
    assert Round._fields["label"].model is Round
    assert Round._meta.table_name == "shapes_round"


def test_abstractness_is_not_inherited_but_options_are() -> None:
    class Square(Stamped):
        _app_name = "shapes"
        label = CharField()

    class Base(AbstractModel):
        pass

    class Child(Base):
        pass

    class Concrete(AbstractModel):
        class Meta:
            abstract = False

    try:
        assert Stamped._meta.abstract and not Square._meta.abstract
        assert Square._meta.ordering == ("-made",)
        assert Square._meta.unique_together == [("made", "label")]
        assert list(Square._fields) == ["id", "made", "label"]
        assert Base._meta.abstract and not Child._meta.abstract and not Concrete._meta.abstract
    finally:
        for model in (Square, Child, Concrete):
            model_registry.unregister(model)


def test_a_proxy_shares_its_parents_table() -> None:
    assert Loud._meta.table_name == Shape._meta.table_name
    assert Loud._meta.proxy


def test_a_subclass_of_a_model_with_a_table_is_an_error_that_names_the_ways_out() -> None:
    for bases in ((Shape,), (Shape, Figure), (Loud,)):
        with pytest.raises(FieldError) as caught:
            ModelMeta("Sub", bases, {"__module__": __name__, "_app_name": "shapes"})
        for way in ("abstract base", r"OneToOneField(", "Meta.proxy = True"):
            assert way in str(caught.value)
    with pytest.raises(FieldError, match="Sub is a subclass of Shape"):
        ModelMeta(
            "Sub",
            (Shape,),
            {"__module__": __name__, "Meta": options(abstract=True)},
        )
    assert "shapes.Sub" not in {model._meta.label for model in model_registry.all()}


def test_names_are_derived() -> None:
    assert [snake_case(name) for name in ("PostView", "HTTPServer", "Post", "Web2Page")] == [
        "post_view",
        "http_server",
        "post",
        "web2_page",
    ]
    assert make("PostView")._meta.label == "shop.PostView"
    assert make("PostView")._meta.table_name == "shop_post_view"
    assert make(__module__="openviper.auth.models")._meta.app_name == "auth"
    assert make(__module__="blog.models")._meta.app_name == "blog"
    assert make(__module__="models")._meta.table_name == "mades"
    assert make(Meta=options(table_name="mine"))._meta.table_name == "mine"
    assert Shape.get_content_type_label() == "shapes.Shape"
    assert (Shape._meta.verbose_name, Shape._meta.verbose_name_plural) == ("form", "forms")


@pytest.mark.parametrize(
    "meta",
    [
        {"ordering": ["nope"]},
        {"unique_together": ("x", "nope")},
        {"index_together": [("nope",)]},
        {"indexes": [Index(fields=["nope"])]},
        {"indexes": ["x"]},
        {"constraints": [UniqueConstraint(fields=["nope"], name="u")]},
        {"constraints": ["x"]},
        {"orderin": ["x"]},
    ],
)
def test_unknown_names_in_meta_are_field_errors(meta: dict[str, Any]) -> None:
    with pytest.raises(FieldError):
        make(x=IntegerField(), Meta=options(**meta))


def test_impossible_names_are_refused() -> None:
    for body in ({"save": IntegerField()}, {"x": IntegerField(), "y": IntegerField(db_column="x")}):
        with pytest.raises(ValueError):
            make(**body)
    with pytest.raises(ValueError, match="table name"):
        make(Meta=options(table_name="no table"))
    with pytest.raises(ValueError, match="author_id"):
        make(author=ForeignKey("self"), author_id=IntegerField())


def test_predicates_are_checked() -> None:
    for check in ("1; DROP TABLE x", "id > 0 -- all", "id IN (SELECT 1)", "", "/* */ 1"):
        with pytest.raises(ValueError):
            CheckConstraint(name="c", check=check)
    assert CheckConstraint(name="c", check="kind <> 'update; drop'").check


def test_managers_are_bound_to_their_class() -> None:
    assert Shape.objects.model is Shape and Round.objects.model is Round
    assert Shape.loud is not Round.loud and Round.loud.model is Round
    (condition,) = Shape.loud.all().query.where
    assert isinstance(condition, Compare)
    assert (condition.lookup.key, condition.value) == ("label", "X")
    assert not hasattr(Stamped, "objects")


def test_the_registry_knows_concrete_models() -> None:
    assert model_registry.get("shapes.Shape") is Shape
    assert Stamped not in model_registry.all()
    assert set(model_registry.for_app("shapes")) >= {Shape, Round, Loud}
    with pytest.raises(LookupError, match="shapes.Nothing"):
        model_registry.get("shapes.Nothing")
