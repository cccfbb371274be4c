"""Foreign keys that are checked at the commit: rows may refer to what comes later, and nothing stays of what never came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from openviper.db.connection import atomic
from openviper.db.fields import CharField, ForeignKey, OneToOneField
from openviper.db.models import Model
from openviper.exceptions import IntegrityError
from tests.integration.db.support import database

pytestmark = pytest.mark.parametrize("vendor", ["sqlite", "postgresql"], indirect=True)


class Team(Model):
    _app_name = "deferrable"

    name = CharField(max_length=20)
    captain = ForeignKey("Player", on_delete="CASCADE", related_name="leads", deferrable="deferred")
    captain_id: int


class Player(Model):
    _app_name = "deferrable"

    name = CharField(max_length=20)
    team = ForeignKey(Team, related_name="players", deferrable="deferred")
    team_id: int


class Coach(Model):
    _app_name = "deferrable"

    team = OneToOneField(Team, null=True, deferrable="immediate")
    team_id: int | None


@asynccontextmanager
async def tables(folder: Path) -> AsyncIterator[None]:
    async with database(folder, Team, Player, Coach):
        yield


async def test_two_rows_may_refer_to_each_other(tmp_path: Path) -> None:
    async with tables(tmp_path):
        async with atomic():
            await Team.objects.create(id=1, name="a", captain=7)
            await Player.objects.create(id=7, name="p", team=1)
        team = await Team.objects.select_related("captain").get()
        assert (await team.captain).name == "p"
        assert await Player.objects.filter(team__captain=7).count() == 1


async def test_what_refers_to_nothing_at_the_commit_is_undone(tmp_path: Path) -> None:
    async with tables(tmp_path):
        team = Team(name="a", captain=7)
        with pytest.raises(IntegrityError):
            async with atomic():
                await team.save()
                assert await Team.objects.count() == 1
        assert team.pk is None and await Team.objects.count() == 0
        async with atomic():
            await team.save()
            await Player.objects.create(id=7, name="p", team=team)
        assert await Team.objects.values_list("name", flat=True) == ["a"]


async def test_a_statement_of_its_own_is_checked_at_once(tmp_path: Path) -> None:
    async with tables(tmp_path):
        with pytest.raises(IntegrityError):
            await Team.objects.create(name="a", captain=7)
        with pytest.raises(IntegrityError):
            await Player.objects.bulk_create([Player(name="p", team=7)])
        assert await Team.objects.count() + await Player.objects.count() == 0


async def test_one_that_starts_immediate_is_checked_by_each_statement(tmp_path: Path) -> None:
    async with tables(tmp_path):
        with pytest.raises(IntegrityError):
            async with atomic():
                await Coach.objects.create(team=1)
                pytest.fail("the statement was not checked")


async def test_a_savepoint_is_no_commit(tmp_path: Path) -> None:
    async with tables(tmp_path):
        async with atomic():
            async with atomic():
                await Team.objects.create(id=1, name="a", captain=7)
            await Player.objects.create(id=7, name="p", team=1)
        assert await Team.objects.count() == 1
