"""Checking instances before they are stored, without a database."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.fields import (
    CharField,
    DateTimeField,
    EmailField,
    IntegerField,
    PasswordField,
    TextField,
)
from openviper.db.fields.instance_state import remember_row
from openviper.db.models import SQL, Model, ModelValidationError, TextChoice
from openviper.db.models.validation import NotUniqueTogetherError
from openviper.exceptions import IntegrityError, ORMException


class State(TextChoice):
    DRAFT = "draft", "Not yet public"
    OUT = "out", "Published"


class Page(Model):
    _app_name = "validated"

    title = CharField(max_length=5)
    mail = EmailField(null=True)
    rank = IntegerField(default=1)
    state = CharField(max_length=10, choices=State, default=State.DRAFT)
    code = CharField(max_length=5, db_default=SQL("'x'"))
    text = TextField(default="")
    touched = DateTimeField(auto_now=True, null=False)
    password = PasswordField()


async def errors_of(page: Page) -> dict[str, list[str]]:
    """Return what is wrong with an instance."""
    try:
        await page.validate()
    except ModelValidationError as error:
        return error.errors
    return {}


async def test_everything_that_is_wrong_is_told_at_once() -> None:
    page = Page(title="too long", mail="nobody", rank=2**31, state="gone")
    errors = await errors_of(page)
    assert set(errors) == {"title", "mail", "rank", "state"}
    with pytest.raises(ValueError, match="Validation failed for Page: .*; .*; .*; ") as caught:
        await page.validate()
    assert isinstance(caught.value, ModelValidationError | ORMException)


async def test_what_the_orm_and_the_database_fill_may_be_missing() -> None:
    assert await errors_of(Page(title="x")) == {}
    page: Any = Page(title="x")
    page.code = "too long"
    assert set(await errors_of(page)) == {"code"}
    stored: Any = Page(title="x", code="y")
    remember_row(stored, tuple(stored.__dict__.values()))
    stored.code = None
    assert await errors_of(stored) == {"code": ["code cannot be null"]}


async def test_fields_that_were_not_loaded_are_not_looked_at() -> None:
    page = Page(title="x")
    vars(page).pop("title")
    assert await errors_of(page) == {}
    assert await errors_of(Page()) == {"title": ["title cannot be null"]}


async def test_choices_are_compared_by_value() -> None:
    assert await errors_of(Page(title="x", state=State.OUT)) == {}
    assert await errors_of(Page(title="x", state="out")) == {}
    errors = await errors_of(Page(title="x", state="Published"))
    assert "'Published' is not one of" in errors["state"][0]


async def test_messages_never_show_a_password() -> None:
    errors = await errors_of(Page(title="x", password="abc"))
    assert errors["password"] == ["password: a password has 4 to 128 characters"]


def test_a_group_that_is_not_unique_is_both_kinds_of_error() -> None:
    error: Exception = NotUniqueTogetherError(
        "Page", {"__all__": ["a and b must be unique together"]}
    )
    for kind in (IntegrityError, ModelValidationError, ValueError):
        assert isinstance(error, kind)
    assert str(error) == "Validation failed for Page: a and b must be unique together"
