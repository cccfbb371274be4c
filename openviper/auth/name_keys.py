"""Usernames and addresses are unique whatever their capitals: a column beside each holds what people take for equal.

The databases fold letters in ways of their own, SQLite those of ASCII only, so the keys are made here and their unique columns
decide, between two sign-ups at the same time too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from openviper.auth.usernames import username_key
from openviper.auth.validators import email_key
from openviper.db.fields import CharField

M = TypeVar("M")

KEYS: Mapping[str, Callable[[str], str]] = {"username": username_key, "email": email_key}
"""The fields with a key, and how it is made."""


def key_field(name: str) -> str:
    """Return the name of the field with the key of another one."""
    return f"{name}_key"


def key_of(name: str, value: object) -> str | None:
    """Return the key of a value of a field; `None` for a value that the database computes, or none."""
    return KEYS[name](value) if isinstance(value, str) else None


class NameKeyField(CharField[str | None]):
    """Holds the key of another field of the same row, and sets itself whenever the row is saved.

    Args:
        of: The other field; one of `KEYS`.
        max_length: Most characters.
    """

    def __init__(self, *, of: str, max_length: int) -> None:
        super().__init__(max_length=max_length, null=True, unique=True, editable=False)
        self.of = of

    async def pre_save(self, instance: Any, value: Any) -> Any:
        """Return the key of what the other field holds now; see `Field.pre_save`."""
        return key_of(self.of, getattr(instance, self.of))


def with_keys(model: type[Any], names: Iterable[Any]) -> list[Any]:
    """Return names of fields that are to be written, with the keys that change along."""
    wanted = list(names)
    written = {getattr(name, "name", name) for name in wanted}
    keys = [key_field(name) for name in KEYS if name in written]
    return [*wanted, *(key for key in keys if key in model._fields and key not in written)]


def with_keys_set(users: Iterable[M]) -> list[M]:
    """Return users with their keys set."""
    made = list(users)
    for user in made:
        for name in KEYS:
            if hasattr(type(user), key_field(name)):
                setattr(user, key_field(name), key_of(name, getattr(user, name, None)))
    return made
