"""The settings class."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import pytest

from openviper.conf import Settings, generate_secret_key
from openviper.exceptions import ImproperlyConfigured


@dataclasses.dataclass(frozen=True)
class Project(Settings):
    """A project's settings."""

    PROJECT_NAME: str = "Shop"
    PAYMENT_API_KEY: str = "s3cret"
    RETRIES: int = 3


def test_nothing_shows_a_secret_of_the_framework_or_the_project() -> None:
    project = Project(SECRET_KEY="k3y", DATABASES={"default": {"URL": "postgresql://u:pw@h/d"}})
    for text in (repr(project), str(project), str(project.as_dict())):
        assert not any(secret in text for secret in ("s3cret", "k3y", "pw"))
    assert project.as_dict(mask_sensitive=False)["PAYMENT_API_KEY"] == "s3cret"


def test_items_are_fields() -> None:
    assert Project()["RETRIES"] == 3
    with pytest.raises(KeyError):
        Project()["as_dict"]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Project().DEBUG = False  # type: ignore[misc]


def test_keys_are_random_and_of_the_asked_length() -> None:
    assert len(generate_secret_key()) == 86
    assert generate_secret_key() != generate_secret_key()
    with pytest.raises(ValueError, match="0"):
        generate_secret_key(0)


def test_an_undecorated_subclass_is_refused() -> None:
    class Forgotten(Settings):
        DEBUG: bool = False

    with pytest.raises(ImproperlyConfigured, match="'Forgotten' is not decorated"):
        Forgotten()


def test_a_value_without_annotation_is_refused_wherever_it_stands() -> None:
    @dataclasses.dataclass(frozen=True)
    class Base(Settings):
        ALLOWED_HOSTS = ("example.org",)

    @dataclasses.dataclass(frozen=True)
    class Deep(Base):
        DEBUG = False
        OWN_LIMIT = 3
        _CACHE = 1

    with pytest.raises(ImproperlyConfigured) as caught:
        Deep()
    for advice in (
        "`DEBUG: bool = ...`",
        "`OWN_LIMIT: int = ...`",
        "`ALLOWED_HOSTS: tuple[str, ...] = ...`",
    ):
        assert advice in str(caught.value)
    assert "_CACHE" not in str(caught.value)


def test_the_values_of_a_mixin_are_refused_before_and_behind() -> None:
    class Plain:
        DEBUG = False

    class Annotated:
        DEBUG: bool = False

    @dataclasses.dataclass(frozen=True)
    class Before(Plain, Settings):
        pass

    @dataclasses.dataclass(frozen=True)
    class Behind(Settings, Plain):
        pass

    @dataclasses.dataclass(frozen=True)
    class Undecorated(Annotated, Settings):
        pass

    for cls in (Before, Behind):
        with pytest.raises(ImproperlyConfigured, match="DEBUG in settings class 'Plain'"):
            cls()
    with pytest.raises(ImproperlyConfigured, match="'Annotated' is not decorated"):
        Undecorated()


def test_properties_methods_and_constants_of_the_class_are_the_projects_own() -> None:
    @dataclasses.dataclass(frozen=True)
    class Own(Settings):
        GREETINGS: ClassVar[tuple[str, ...]] = ("hello",)

        @property
        def HOME_PAGE(self) -> str:  # noqa: N802  # Reads like a setting.
            return f"https://{self.ALLOWED_HOSTS[0]}/"

    assert Own().HOME_PAGE == "https://localhost/"
    assert Own().GREETINGS == ("hello",)


def test_a_property_over_a_setting_is_refused() -> None:
    @dataclasses.dataclass(frozen=True)
    class Own(Settings):
        @property  # type: ignore[misc]  # What is refused.
        def DEBUG(self) -> bool:
            return False

    with pytest.raises(ImproperlyConfigured, match="DEBUG in settings class 'Own'"):
        Own()


def test_a_subclass_with_slots_works() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Slotted(Settings):
        OWN: int = 5

    assert Slotted(DEBUG=False).as_dict()["OWN"] == 5
