"""Text that is stored encrypted."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.conf.process import GENERATED_KEY_VARIABLE
from openviper.db.dialects import SQLiteDialect
from openviper.db.fields import CharField, SensitiveField
from openviper.db.fields.sensitive import EncryptedText
from openviper.db.models import Model, QuerySet
from openviper.db.sql.prepared import plan_for
from openviper.db.sql.selects import select_instances
from openviper.exceptions import FieldError
from openviper.utils import fernet

KEY = "0123456789" * 6


class Account(Model):
    _app_name = "sensitive"

    name = CharField(max_length=20)
    token = SensitiveField()


TOKEN = Account._meta.field("token")


@pytest.fixture(autouse=True)
def secret_key(override_settings: Any) -> None:
    """Give the project a key of its own."""
    override_settings(SECRET_KEY=KEY)


def loaded(text: str) -> Account:
    """Return an instance as if it were read from a row."""
    read = TOKEN.reader(SQLiteDialect(), aware=True)
    assert read is not None
    return Account(token=read(text))


def test_a_token_of_version_0_1_can_be_read() -> None:
    # Its key is the SHA-256 of SECRET_KEY, its token that of any implementation of Fernet.
    token = fernet.make_token(
        fernet.derive_key(KEY), b"old", moment=499162800, start=bytes(range(16))
    )
    assert loaded(f"enc${token}").get_sensitive("token") == "old"


def test_a_row_from_before_the_encryption_is_read_as_it_is() -> None:
    account = loaded("plain")
    assert account.token == "plain" and account.get_sensitive("token") == "plain"


def test_nothing_and_plain_text_need_no_key(override_settings: Any) -> None:
    override_settings(SECRET_KEY="")
    assert Account().get_sensitive("token") is None
    assert Account(token="x").get_sensitive("token") == "x"


def test_without_a_key_nothing_is_encrypted_or_decrypted(
    override_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = TOKEN.to_db("x")
    override_settings(SECRET_KEY="")
    for work in (
        lambda: TOKEN.to_db("x"),
        lambda: Account(token=stored).get_sensitive("token"),
    ):
        with pytest.raises(RuntimeError, match="SECRET_KEY is not set, so the field 'token'"):
            work()
    override_settings(SECRET_KEY=KEY)
    monkeypatch.setenv(
        GENERATED_KEY_VARIABLE, KEY
    )  # One that changes at the next start is as good as none.
    with pytest.raises(RuntimeError, match="SECRET_KEY is not set"):
        TOKEN.to_db("x")


def test_another_key_is_an_error_that_names_the_field_and_shows_nothing(
    override_settings: Any,
) -> None:
    stored = TOKEN.to_db("hidden")
    override_settings(SECRET_KEY="another")
    with pytest.raises(
        ValueError, match="token: the text was encrypted with another SECRET_KEY"
    ) as caught:
        Account(token=stored).get_sensitive("token")
    assert stored not in str(caught.value)


def test_other_fields_have_no_plain_text() -> None:
    with pytest.raises(FieldError, match="Account.name is not a SensitiveField"):
        Account(name="x").get_sensitive("name")
    with pytest.raises(FieldError, match="no field 'tokne'"):
        Account().get_sensitive("tokne")


def test_the_limit_is_that_of_the_token() -> None:
    field = SensitiveField(max_length=120)
    field.contribute_to_class(type("Holder", (), {}), "token")
    field.validate("x" * 15)
    assert len(field.to_db("x" * 15)) == 104
    with pytest.raises(ValueError, match="token: 124 encrypted characters are more than 120"):
        field.validate("x" * 16)
    with pytest.raises(ValueError, match="token: 124 encrypted"):
        field.to_db("x" * 16)


def test_what_is_encrypted_is_not_encrypted_again() -> None:
    once = TOKEN.to_db("x")
    assert isinstance(once, EncryptedText) and TOKEN.to_db(once) is once


def sql(queryset: QuerySet[Account]) -> str:
    """Return the statement of a queryset."""
    return select_instances(plan_for(Account._meta, SQLiteDialect()), queryset.query).sql


@pytest.mark.parametrize(
    "conditions", [{"token": "x"}, {"token__contains": "x"}, {"token__in": ["x"]}]
)
def test_searching_for_it_is_refused(conditions: dict[str, Any]) -> None:
    for method in (Account.objects.filter, Account.objects.exclude):
        with pytest.raises(FieldError, match="stored encrypted and cannot be searched"):
            method(**conditions)


def test_whether_there_is_one_can_be_asked() -> None:
    assert "IS NULL" in sql(Account.objects.filter(token__isnull=True))
    assert "IS NULL" in sql(Account.objects.filter(token=None))


def test_what_a_former_key_has_encrypted_can_be_read_until_that_key_is_forgotten(
    override_settings: Any,
) -> None:
    oldest = TOKEN.to_db("hidden")
    override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=("", "former", KEY))
    assert loaded(oldest).get_sensitive("token") == "hidden"
    override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=("", "former"))
    with pytest.raises(ValueError, match="token: the text was encrypted with another SECRET_KEY"):
        loaded(oldest).get_sensitive("token")


def test_what_is_encrypted_again_needs_the_former_key_no_more(override_settings: Any) -> None:
    account = loaded(TOKEN.to_db("hidden"))
    override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=(KEY,))
    again = TOKEN.to_db(account.get_sensitive("token"))
    override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=())
    assert loaded(again).get_sensitive("token") == "hidden"


def test_a_former_key_alone_encrypts_and_reads_nothing(override_settings: Any) -> None:
    stored = TOKEN.to_db("hidden")
    override_settings(SECRET_KEY="", SECRET_KEY_FALLBACKS=(KEY,))
    with pytest.raises(RuntimeError, match="SECRET_KEY is not set"):
        loaded(stored).get_sensitive("token")
    with pytest.raises(RuntimeError, match="SECRET_KEY is not set"):
        TOKEN.to_db("hidden")
