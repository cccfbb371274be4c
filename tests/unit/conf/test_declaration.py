"""How a setting is declared."""

from __future__ import annotations

import dataclasses

from openviper.conf import Settings, mapping, setting
from openviper.conf.declaration import NOTHING_DECLARED, Declaration, declaration


@dataclasses.dataclass(frozen=True)
class Project(Settings):
    """A project that declares its own settings as OpenViper does."""

    COLOUR: str = setting("red", "Colour of the shop.", choices=("red", "blue"))
    PRICES: dict[str, int] = mapping(lambda: {"pen": 1}, "Prices by article.", section="Shop")
    PLAIN: int = 3


def declared(name: str) -> Declaration:
    """Return the declaration of a field of the project."""
    return declaration(Project.__dataclass_fields__[name])


def test_a_setting_has_its_default_and_its_meaning() -> None:
    assert Project().COLOUR == "red"
    assert declared("COLOUR").meaning == "Colour of the shop."
    assert declared("COLOUR").choices == ("red", "blue")


def test_a_mapping_is_made_anew_and_not_read_from_the_environment() -> None:
    first = Project()
    first.PRICES["pen"] = 2
    assert Project().PRICES == {"pen": 1}
    assert declared("PRICES").env is False
    assert declared("PRICES").section == "Shop"


def test_a_field_without_a_declaration_has_none_of_the_rules() -> None:
    assert declared("PLAIN") is NOTHING_DECLARED


def test_every_setting_of_openviper_has_a_meaning_that_is_a_sentence() -> None:
    for field in dataclasses.fields(Settings):
        assert declaration(field).meaning.endswith("."), field.name


def test_the_reference_begins_with_a_heading() -> None:
    assert declaration(dataclasses.fields(Settings)[0]).section == "Project"
