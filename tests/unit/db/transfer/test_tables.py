"""The tables that are moved, and their order."""

from __future__ import annotations

from openviper.db.fields import CharField, IntegerField
from openviper.db.models import F, Model, model_registry
from openviper.db.transfer.copying import sent_bytes
from openviper.db.transfer.tables import backward_references, transfer_table, transfer_tables
from tests.shop.models import Code, Node, Part, Shelf, Tag, Thing


class Priced(Model):
    _app_name = "moved"

    net = IntegerField()
    gross = IntegerField(generated=F("net") * 2)
    name = CharField(max_length=3000)


class Foreign(Model):
    _app_name = "moved"

    class Meta:
        managed = False


model_registry.unregister(Priced)
model_registry.unregister(Foreign)


def test_what_is_referred_to_comes_first() -> None:
    names = [table.name for table in transfer_tables([Node, Thing, Tag])]
    assert names.index("shop_tag") < names.index("shop_node")
    assert names.index("shop_thing") < names.index("shop_thing_tags")


def test_pairs_come_with_the_model_whose_field_they_are() -> None:
    assert {table.name for table in transfer_tables([Code])} == {"shop_code", "shop_code_parts"}
    assert [table.name for table in transfer_tables([Part])] == ["shop_part"]


def test_references_to_later_rows_are_known() -> None:
    tables = transfer_tables([Shelf, Thing, Tag, Node])
    backward = backward_references(tables)
    assert ("shop_shelf", "parent_id") in backward
    assert ("shop_node", "up_id") in backward
    assert ("shop_node", "tag_id") not in backward


def test_generated_columns_are_left_to_the_target() -> None:
    table = transfer_table(Priced)
    assert [column.name for column in table.columns] == ["id", "net", "name"]
    assert [column.is_wide for column in table.columns] == [False, False, True]


def test_models_that_others_look_after_are_left_out() -> None:
    assert transfer_tables([Foreign]) == []


def test_the_order_does_not_depend_on_the_order_of_the_models() -> None:
    models = [Tag, Node, Shelf, Thing, Part, Code]
    names = [table.name for table in transfer_tables(models)]
    assert names == [table.name for table in transfer_tables(models[::-1])]


def test_bytes_in_a_statement_count_what_is_sent_as_two() -> None:
    assert sent_bytes(b"a\x00'\\") == 7
    assert sent_bytes("é\n") == 4
