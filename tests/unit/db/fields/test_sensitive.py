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
    assert len(field.to_db("x" * 15)) == 105
    with pytest.raises(ValueError, match="token: 125 encrypted characters are more than 120"):
        field.validate("x" * 16)
    with pytest.raises(ValueError, match="token: 125 encrypted"):
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


class Card(Model):
    _app_name = "sensitive"

    token = SensitiveField()
    pin = SensitiveField()
    moved = SensitiveField(bound_to="sensitive_account.token")

    class Meta:
        table_name = "sensitive_cards"


def read(model: type[Model], name: str, text: str) -> Any:
    """Return a stored text as it is read from a row."""
    reader = model._meta.field(name).reader(SQLiteDialect(), aware=True)
    assert reader is not None
    return reader(text)


def test_what_is_copied_to_another_column_or_table_in_the_database_cannot_be_read_there() -> None:
    stored = str(Card._meta.field("pin").to_db("1234"))
    assert Card(pin=read(Card, "pin", stored)).get_sensitive("pin") == "1234"
    for model, name in ((Card, "token"), (Account, "token")):
        with pytest.raises(ValueError, match=f"{name}: .* for another field"):
            model(**{name: read(model, name, stored)}).get_sensitive(name)


def test_what_is_assigned_from_another_field_is_encrypted_for_this_one() -> None:
    card = Card(pin=read(Card, "pin", str(Card._meta.field("pin").to_db("1234"))))
    account = Account(token=card.pin)
    assert account.get_sensitive("token") == "1234"
    stored = str(TOKEN.to_db(account.token))
    assert stored != str(card.pin) and loaded(stored).get_sensitive("token") == "1234"


def test_a_renamed_column_is_read_by_its_former_place() -> None:
    field: Any = TOKEN
    assert field.place == "sensitive_account.token"
    stored = str(TOKEN.to_db("hidden"))
    assert Card(moved=read(Card, "moved", stored)).get_sensitive("moved") == "hidden"


def test_strict_fields_refuse_what_is_bound_to_nothing(override_settings: Any) -> None:
    former = f"enc${fernet.encrypt(fernet.derive_key(KEY), b'old')}"
    assert loaded(former).get_sensitive("token") == "old"
    override_settings(SECRET_KEY=KEY, SENSITIVE_FIELDS_STRICT=True)
    with pytest.raises(ValueError, match="token: .* by an earlier version"):
        loaded(former).get_sensitive("token")
    with pytest.raises(ValueError, match="token: the stored text is not encrypted"):
        loaded("plain").get_sensitive("token")
    assert Account(token="fresh").get_sensitive("token") == "fresh"
    assert loaded(str(TOKEN.to_db("x"))).get_sensitive("token") == "x"


def test_only_what_is_not_right_yet_is_rewritten(override_settings: Any) -> None:
    field: Any = TOKEN
    current = read(Account, "token", str(TOKEN.to_db("hidden")))
    assert field.rewritten(current) is None and field.rewritten(None) is None
    former = read(Account, "token", f"enc${fernet.encrypt(fernet.derive_key(KEY), b'hidden')}")
    override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=(KEY,))
    for value in (current, former, read(Account, "token", "hidden")):
        new = field.rewritten(value)
        assert new.startswith("enc2$") and field.decrypt(new) == "hidden"
        assert field.rewritten(new) is None
    override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=())
    with pytest.raises(ValueError, match="cannot be decrypted with any of the keys"):
        field.rewritten(current)
