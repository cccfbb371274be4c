"""Many-to-many fields without a database: the join models they make, and those they are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openviper.db import fields
from openviper.db.dialects.identifiers import shorten
from openviper.db.fields import CharField, ForeignKey, ManyToManyField, ManyToManyManager
from openviper.db.models import AbstractModel, Model, ModelMeta, model_registry
from openviper.db.schemas.state import models_state
from openviper.exceptions import FieldError, MigrationError


@pytest.fixture(autouse=True)
def only_its_own_models() -> Iterator[None]:
    """Forget the models that a test declares."""
    before = model_registry.all()
    yield
    for model in model_registry.all():
        if model not in before:
            model_registry.unregister(model)


class Label(Model):
    _app_name = "pairs"

    id = CharField(max_length=9, primary_key=True)


class Post(Model):
    _app_name = "pairs"

    labels = ManyToManyField(Label, related_name="posts")
    hidden_labels = ManyToManyField("Label")
    linked = ManyToManyField("self")


def link(model: Any, name: str) -> Any:
    """Return a many-to-many field."""
    return model._meta.many_to_many[name]


def test_the_join_model_has_two_cascading_keys_that_are_unique_together() -> None:
    join = link(Post, "labels").through_model
    assert join.__name__ == "PostLabel" and join._meta.label == "pairs.PostLabel"
    assert join._meta.table_name == "pairs_post_labels" and join.__module__ == __name__
    assert list(join._fields) == ["id", "post", "label"]
    assert join._meta.unique_together == [("post", "label")]
    assert join._meta.join_of is link(Post, "labels")
    assert join in model_registry.all() and join in model_registry.for_app("pairs")
    table = models_state([join])["pairs_post_labels"]
    keys = {column["name"]: column for column in table["columns"] if "target_table" in column}
    assert {
        name: (key["type"], key["target_table"], key["on_delete"]) for name, key in keys.items()
    } == {
        "post_id": ("INTEGER", "pairs_post", "CASCADE"),
        "label_id": ("VARCHAR(9)", "pairs_label", "CASCADE"),
    }
    assert table["unique_together"] == [["post_id", "label_id"]]
    assert [index["fields"] for index in table["indexes"]] == [["label_id"]]


def test_a_relation_to_the_model_itself_names_its_keys_from_and_to() -> None:
    join = link(Post, "linked").through_model
    assert [field.column_name for field in join._fields.values()] == [
        "id",
        "from_post_id",
        "to_post_id",
    ]
    assert (link(Post, "linked").source_key.name, link(Post, "linked").target_key.name) == (
        "from_post",
        "to_post",
    )
    assert link(Post, "linked").remote_model is Post


def test_a_second_field_to_the_same_target_has_a_join_model_of_its_own() -> None:
    join = link(Post, "hidden_labels").through_model
    assert (
        join.__name__ == "PostLabelHiddenLabels"
        and join._meta.table_name == "pairs_post_hidden_labels"
    )


def test_both_sides_know_the_field() -> None:
    assert Post._meta.many_to_many["labels"] is link(Post, "labels")
    assert "labels" not in Post._fields and "labels" not in Post._meta.names
    assert Label._meta.reverse_many_to_many == {"posts": link(Post, "labels")}
    field = link(Post, "labels")
    assert (field.source_key.name, field.target_key.name, field.remote_model) == (
        "post",
        "label",
        Label,
    )
    assert [key.name for key in field.keys()] == ["post", "label"]
    assert repr(field) == "<ManyToManyField Post.labels>"


def test_a_target_may_be_declared_later() -> None:
    class Early(Model):
        _app_name = "pairs"
        later = ManyToManyField("NotYet", related_name="earlies")

    assert link(Early, "later").through_model.__name__ == "EarlyNotYet"
    with pytest.raises(FieldError, match="NotYet"):
        _ = link(Early, "later").remote_model

    class NotYet(Model):
        _app_name = "pairs"

    late: Any = NotYet
    assert link(Early, "later").remote_model is NotYet and NotYet._meta.reverse_many_to_many == {
        "earlies": link(Early, "later")
    }
    assert isinstance(late(id=1).earlies, ManyToManyManager)
    assert link(Early, "later").target_key.remote_model is NotYet


def test_a_callable_may_name_the_class_that_comes_last() -> None:
    class Early(Model):
        _app_name = "pairs"
        friends = ManyToManyField(lambda: Late, related_name="earlies")
        best = ForeignKey(lambda: Late, related_name="bests", null=True)

    with pytest.raises(FieldError, match="no model"):
        _ = link(Early, "friends").through_model
    assert "pairs.EarlyLate" not in {model._meta.label for model in model_registry.all()}

    class Late(Model):
        _app_name = "pairs"

    late: Any = Late(id=1)
    assert late.bests.model is Early
    assert late.earlies.model is Early
    assert Late._meta.reverse == {"bests": Early._meta.field("best")}
    assert "pairs.EarlyLate" in {model._meta.label for model in model_registry.all()}
    with pytest.raises(AttributeError, match="'Late' object has no attribute 'worsts'"):
        late.worsts


def test_children_of_an_abstract_model_have_join_models_of_their_own() -> None:
    class Labelled(AbstractModel):
        labels = ManyToManyField(Label)

    class Song(Labelled):
        _app_name = "pairs"

    class Film(Labelled):
        _app_name = "pairs"

    class Plain(Labelled):
        _app_name = "pairs"
        labels = None  # type: ignore[assignment]  # hides the field

    assert link(Song, "labels") is not link(Film, "labels") and link(Song, "labels").model is Song
    assert link(Song, "labels").through_model._meta.table_name == "pairs_song_labels"
    assert link(Film, "labels").through_model._meta.table_name == "pairs_film_labels"
    assert not Plain._meta.many_to_many


def test_a_proxy_shares_the_relations_of_its_parent() -> None:
    class Shown(Post):
        class Meta:
            proxy = True

    assert Shown._meta.many_to_many is Post._meta.many_to_many
    assert Shown(id=1).labels.field is link(Post, "labels")
    with pytest.raises(FieldError, match="'more'"):

        class Wider(Post):
            more = ManyToManyField(Label)

            class Meta:
                proxy = True


def test_models_with_awkward_names_get_keys_that_can_be_fields() -> None:
    class Save(Model):
        _app_name = "pairs"
        labels = ManyToManyField(Label)

    class Foreign(Model):
        _app_name = "elsewhere"

    twin = ModelMeta("Foreign", (Model,), {"_app_name": "pairs", "both": ManyToManyField(Foreign)})
    assert [key.name for key in link(Save, "labels").keys()] == ["from_save", "to_label"]
    join = twin._meta.many_to_many["both"].through_model
    assert [field.column_name for field in join._fields.values()] == [
        "id",
        "from_foreign_id",
        "to_foreign_id",
    ]


def test_a_model_that_is_forgotten_takes_its_join_models_with_it() -> None:
    class Brief(Model):
        _app_name = "pairs"
        labels = ManyToManyField(Label)

    assert model_registry.known("pairs.BriefLabel") is link(Brief, "labels").through_model
    model_registry.unregister(Brief)
    assert model_registry.known("pairs.BriefLabel") is None


# A join model of one's own


def test_through_finds_its_keys_by_their_targets() -> None:
    class Band(Model):
        _app_name = "pairs"
        labels = ManyToManyField(Label, through="Contract")

    class Contract(Model):
        _app_name = "pairs"
        other = ForeignKey(Post, null=True)
        signed_by = ForeignKey(Band)
        label = ForeignKey(Label)

    assert link(Band, "labels").through_model is Contract
    assert (link(Band, "labels").source_key, link(Band, "labels").target_key) == (
        Contract._meta.field("signed_by"),
        Contract._meta.field("label"),
    )
    assert "pairs.BandLabel" not in {model._meta.label for model in model_registry.all()}


def test_an_ambiguous_or_missing_key_is_an_error_that_names_the_way_out() -> None:
    class Team(Model):
        _app_name = "pairs"
        loose = ManyToManyField(Label, through="Loose")
        named = ManyToManyField(Label, through="Loose", through_fields=("team", "second"))
        wrong = ManyToManyField(Label, through="Loose", through_fields=("second", "team"))
        empty = ManyToManyField(Label, through="Post")
        gone = ManyToManyField(Label, through="NoSuch")

    class Loose(Model):
        _app_name = "pairs"
        team = ForeignKey(Team)
        first = ForeignKey(Label)
        second = ForeignKey(Label)

    with pytest.raises(FieldError, match="not first, second; through_fields says"):
        _ = link(Team, "loose").target_key
    assert link(Team, "named").target_key is Loose._meta.field("second")
    for name in ("wrong", "empty", "gone"):
        with pytest.raises(FieldError):
            _ = link(Team, name).source_key


def test_through_to_the_model_itself_begins_with_the_first_key() -> None:
    class Node(Model):
        _app_name = "pairs"
        next_nodes = ManyToManyField("self", through="Edge")

    class Edge(Model):
        _app_name = "pairs"
        tail = ForeignKey(Node)
        head = ForeignKey(Node)

    assert (link(Node, "next_nodes").source_key, link(Node, "next_nodes").target_key) == (
        Edge._meta.field("tail"),
        Edge._meta.field("head"),
    )


# Refusals


def test_names_must_be_free_on_both_sides() -> None:
    with pytest.raises(FieldError, match="belongs to pairs.Post.labels"):

        class Rival(Model):
            _app_name = "pairs"
            labels = ManyToManyField(Label, related_name="posts")

    with pytest.raises(FieldError, match="Label has 'id' already"):

        class Other(Model):
            _app_name = "pairs"
            labels = ManyToManyField(Label, related_name="id")

    labels = {model._meta.label for model in model_registry.all()}
    assert not labels & {"pairs.Rival", "pairs.RivalLabel", "pairs.Other", "pairs.OtherLabel"}
    with pytest.raises(FieldError, match="is the join model of Post.labels"):
        ModelMeta("PostLabel", (Model,), {"_app_name": "pairs"})
    assert model_registry.get("pairs.PostLabel") is link(Post, "labels").through_model


@pytest.mark.parametrize("name", ["save", "objects", "key_id", "_x", "a__b", "x_"])
def test_some_names_are_taken_or_unusable(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        ModelMeta(
            "Bad",
            (Model,),
            {"_app_name": "pairs", "key": ForeignKey(Label), name: ManyToManyField(Label)},
        )
    assert "pairs.Bad" not in {model._meta.label for model in model_registry.all()}


def test_wrong_arguments_are_refused() -> None:
    wrong: Any = 5
    for make in (ManyToManyField, ForeignKey):
        with pytest.raises(TypeError, match="5 is neither a model"):
            make(wrong)
        with pytest.raises(ValueError, match="related_name"):
            make(Label, related_name="a__b")
        assert make(Label, related_name="+").related_name is None
    with pytest.raises(ValueError, match="through_fields needs through"):
        ManyToManyField(Label, through_fields=("a", "b"))

    class Strange(Model):
        _app_name = "pairs"
        number = ForeignKey(lambda: int)

    with pytest.raises(FieldError, match="not a model"):
        _ = Strange._meta.fields["number"].db_type()


def test_the_manager_can_be_named_where_the_fields_are() -> None:
    assert fields.ManyToManyManager is ManyToManyManager
    with pytest.raises(AttributeError, match="NoSuchField"):
        fields.NoSuchField


def test_a_target_that_nobody_knows_is_a_migration_error() -> None:
    class Lost(Model):
        _app_name = "pairs"
        named = ManyToManyField("NoSuch")

    class Called(Model):
        _app_name = "pairs"
        called = ManyToManyField(lambda: NoSuch)  # type: ignore[name-defined]  # noqa: F821

    for model, name in ((Lost, "named"), (Called, "called")):
        with pytest.raises(MigrationError, match=f"pairs.{model.__name__}.{name}: .*no model"):
            models_state([model])


def test_derived_names_are_shortened_where_databases_would_not_take_them() -> None:
    long = "SubscriptionPreferenceSettingsForNotificationsOfEveryKindThereIs"
    source = ModelMeta(
        long,
        (Model,),
        {
            "__module__": __name__,
            "_app_name": "pairs",
            "Meta": type("Meta", (), {"table_name": "pairs_subscription_preference_settings"}),
            "notification_channels_for_marketing": ManyToManyField(Label),
        },
    )
    try:
        field = link(source, "notification_channels_for_marketing")
        meta = field.through_model._meta
        full = "pairs_subscription_preference_settings_notification_channels_for_marketing"
        assert meta.table_name == shorten(full) and meta.table_name != full
        assert len(meta.table_name) <= 63 and meta.table_name.startswith("pairs_subscription")
        near, far = field.keys()
        assert near.column_name == shorten(f"{long.lower()}_id") and len(near.column_name) <= 63
        assert (near.attname, far.column_name) == (f"{long.lower()}_id", "label_id")
        assert link(Post, "labels").through_model._meta.table_name == "pairs_post_labels"
    finally:
        model_registry.unregister(source)
