"""Settings that are mappings with the keys and types of a dataclass, read as `openviper.validation` reads other data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from openviper.conf.sections import unknown_key_errors
from openviper.validation.faults import Fault, ParseError
from openviper.validation.parsers import Parser, parser_of


def section_errors(section: str, given: Mapping[str, Any], of: type[Any]) -> list[str]:
    """Return one sentence for everything that is wrong with a setting.

    Args:
        section: Name of the setting: ``"OPENAPI"``.
        given: What it says; keys may be left out.
        of: The dataclass whose fields are its keys.

    Raises:
        UnsupportedTypeError: If a field is of a type that cannot be read.
    """
    keys = [field.name for field in dataclasses.fields(of)]
    known = {key: value for key, value in given.items() if key in keys}
    parser: Parser[Any] = parser_of(of)
    errors = unknown_key_errors(section, given, keys)
    try:
        parser.parse_fields(known, partial=True)
    except ParseError as error:
        errors += [_sentence(section, fault, known) for fault in error.faults]
    return errors


def _sentence(section: str, fault: Fault, given: Mapping[str, Any]) -> str:
    place = "".join(f"[{part!r}]" for part in fault.place)
    shown = fault.value if fault.value is not None else repr(given[str(fault.place[0])])
    return f"{section}{place} {fault.message}, not {shown}"
