"""Names and addresses are unique whatever their capitals, on every database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from openviper.auth import AccountEvent, authenticate, identified_by
from openviper.auth.models import Role, RoleProfile, User, UserRole
from openviper.auth.patches.name_keys import fill_name_keys
from openviper.db.models import F
from openviper.exceptions import IntegrityError
from tests.integration.auth.database import configured
from tests.integration.db.support import database

EVERY_DATABASE = True


@asynccontextmanager
async def accounts(folder: Path) -> AsyncIterator[None]:
    """Use an empty database with the tables of users."""
    with configured(PASSWORD_HASHERS=("plain",), TESTING=True):
        async with database(folder, RoleProfile, Role, User, UserRole, AccountEvent):
            yield


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("Ann", "ann@example.org"), ("aNN", "other@example.org")),
        (("ann", "Ann@Example.org"), ("other", "ANN@example.ORG")),
        (("straße", "a@b.co"), ("STRASSE", "c@b.co")),
        (("Ελένη", "a@b.co"), ("ΕΛΈΝΗ", "c@b.co")),
        (("сос", "a@b.co"), ("coc", "c@b.co")),
        (("ann", "a@bücher.example"), ("bob", "A@xn--bcher-kva.example")),
    ],
)
async def test_what_differs_in_capitals_only_is_taken(
    tmp_path: Path, first: tuple[str, str], second: tuple[str, str]
) -> None:
    async with accounts(tmp_path):
        await User.objects.create_user(*first)
        with pytest.raises(IntegrityError):
            await User.objects.create_user(*second)
        assert await User.objects.all().count() == 1


async def test_of_many_sign_ups_at_once_one_gets_the_name(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        names = [("ANN" if number % 2 else "ann") for number in range(8)]
        made = await asyncio.gather(
            *(
                User.objects.create_user(name, f"n{number}@example.org")
                for number, name in enumerate(names)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(result, User) for result in made) == 1
        assert [one for one in made if not isinstance(one, User | IntegrityError)] == []
        addresses = await asyncio.gather(
            *(
                User.objects.create_user(f"n{number}", "Bob@x.org" if number % 2 else "bOB@X.org")
                for number in range(8)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(result, User) for result in addresses) == 1
        assert await User.objects.all().count() == 2


async def test_the_name_is_kept_as_it_was_written_and_found_however_it_is(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        await User.objects.create_user("AnnBerg", "Ann.Berg@Example.org", "pw")
        for name in ("annberg", "ANNBERG", "ann.BERG@example.org", "ＡｎｎＢｅｒｇ"):
            user = await authenticate(name, "pw")
            assert user is not None and user.username == "AnnBerg"
            assert user.email == "Ann.Berg@example.org"
        found = await User.objects.get(identified_by(User, "email", "ANN.berg@EXAMPLE.org"))
        assert found == await User.objects.get_by_natural_key("ANNberg")


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "x" * 10**6, "", "' OR 1=1 --", "%", "_nn"])
async def test_odd_names_are_nobodys(tmp_path: Path, name: str) -> None:
    async with accounts(tmp_path):
        await User.objects.create_user("ann", "ann@example.org", "pw")
        assert await authenticate(name, "pw") is None


async def test_the_keys_follow_every_way_of_writing(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await User.objects.create_user("Ann", "ann@example.org")
        user.username = "Anna"
        await user.save(update_fields=["username"])
        await User.objects.filter(pk=user.pk).update(email="Anna@example.org")
        await User.objects.bulk_create(
            [User(username="Bob", email="Bob@example.org", password="!")]
        )
        bob = await User.objects.get(username="Bob")
        bob.username = "Rob"
        await User.objects.bulk_update([bob], ["username"])
        await User.objects.get_or_create(
            username="Cid", defaults={"email": "C@d.org", "password": "!"}
        )
        keys = User.objects.order_by("pk").values_list("username_key", "email_key")
        assert await keys == [
            ("anna", "anna@example.org"),
            ("rob", "bob@example.org"),
            ("cid", "c@d.org"),
        ]


async def test_a_name_that_the_database_computes_has_no_key_and_is_found_as_it_stands(
    tmp_path: Path,
) -> None:
    async with accounts(tmp_path):
        await User.objects.create_user("Ann", "ann@example.org", "pw")
        await User.objects.filter(username="Ann").update(username=F("email"))
        assert (await User.objects.get(username="ann@example.org")).username_key is None
        assert await authenticate("ann@example.org", "pw") is not None


async def test_users_of_an_earlier_version_get_their_keys_and_clashes_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with accounts(tmp_path):
        for name in ("Ann", "bob", "cid"):
            await User.objects.create_user(name, f"{name}@example.org", "pw")
        await User.objects.all().update(username_key=None, email_key=None)
        # Another one, whom the unique column of the earlier version has let in.
        late = await User.objects.create_user("ANN", "late@example.org", "other")
        await User.objects.filter(pk=late.pk).update(username_key=None)
        assert await authenticate("Ann", "pw") is not None
        with caplog.at_level(logging.WARNING, "openviper.auth"):
            await fill_name_keys()
        keys = User.objects.order_by("pk").values_list("username_key", "email_key")
        assert await keys == [
            ("ann", "ann@example.org"),
            ("bob", "bob@example.org"),
            ("cid", "cid@example.org"),
            (None, "late@example.org"),
        ]
        assert f"user {late.pk}" in caplog.text and "'ANN'" in caplog.text
        assert await authenticate("ANN", "other") == late
        assert await authenticate("Ann", "pw") is not None
        await fill_name_keys()  # Again, for whoever has renamed one.
