from __future__ import annotations

import sys

import pytest

from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.requirements import (
    MAX_REQUIREMENT,
    environments,
    normalise_name,
    parse_requirement,
)

HERE = {
    "python_version": "3.11",
    "python_full_version": "3.11.2",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "extra": "",
}


def test_names_are_compared_without_regard_to_case_and_separators() -> None:
    assert normalise_name("Typing._Extensions") == "typing-extensions"


@pytest.mark.parametrize(
    ("text", "name", "extras", "specifiers"),
    [
        ("h11>=0.8", "h11", (), ((">=", "0.8"),)),
        (
            "Py_MySQL [rsa, ed25519] >= 1.1 , < 2",
            "py-mysql",
            ("rsa", "ed25519"),
            ((">=", "1.1"), ("<", "2")),
        ),
        ("click (>=7.0)", "click", (), ((">=", "7.0"),)),
        ("thing @ https://example.com/thing.whl", "thing", (), ()),
        ("jinja2", "jinja2", (), ()),
    ],
)
def test_a_requirement_is_taken_apart(
    text: str, name: str, extras: tuple[str, ...], specifiers: tuple[tuple[str, str], ...]
) -> None:
    requirement = parse_requirement(text)
    assert (requirement.name, requirement.extras, requirement.specifiers) == (
        name,
        extras,
        specifiers,
    )


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("python_version < '3.9'", False),
        ("python_version >= '3.9'", True),
        ('python_full_version < "3.11.3"', True),
        ("sys_platform == 'win32' or platform_system == \"Linux\"", True),
        ("sys_platform == 'win32' and python_version > '3'", False),
        ("(sys_platform != 'win32' and (os_name == 'posix')) and extra == ''", True),
        ("extra == 'standard'", False),
        ("sys_platform in 'linux darwin'", True),
        ("sys_platform not in 'linux darwin'", False),
        ("'linux' == sys_platform", True),
        ("python_version ~= '3.8'", True),
        ("python_version == '3.*'", True),
        ("python_version != '3.11'", False),
        ("python_version <= '3.10'", False),
        ("python_version === '3.11'", True),
        ("unheard_of == 'x'", False),
        ("sys_platform < 'win32'", False),
    ],
)
def test_a_marker_says_where_something_is_required(marker: str, holds: bool) -> None:
    assert parse_requirement(f"thing; {marker}").marker(HERE) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-thing",
        "thing >= ",
        "thing 1.0",
        "thing; python_version",
        "thing; python_version <",
        "thing; (python_version < '3'",
        "thing; python_version < '3')",
        "thing; and < '3'",
        "thing; python_version < '3",
        "thing; 'a' 'b' 'c'",
        "thing; " + "(" * 60 + "os_name == 'posix'" + ")" * 60,
        "x" * (MAX_REQUIREMENT + 1),
        "thing\0",
    ],
)
def test_what_cannot_be_read_is_refused_by_name(text: str) -> None:
    with pytest.raises(VendorError, match="cannot read"):
        parse_requirement(text)


@pytest.mark.parametrize(
    ("specifier", "version", "fits"),
    [
        (">=3.1", "3.1.6", True),
        (">=3.1", "3.0.9", False),
        ("==1.0", "1.0.0", True),
        ("!=1.0", "1.0", False),
        ("~=1.4.2", "1.4.9", True),
        ("~=1.4.2", "1.5", False),
        ("==1.*", "1.9", True),
        ("!=1.*", "1.9", False),
        (">1", "1.0.1", True),
        ("<2", "2.0", False),
        ("<=2", "2.0", True),
        ("===1.0", "1.0.0", False),
        (">=1", "no version at all", False),
        (">=1", "9" * 5000, True),
    ],
)
def test_a_version_is_compared_by_its_release(specifier: str, version: str, fits: bool) -> None:
    assert parse_requirement(f"thing{specifier}").is_fulfilled_by(version) is fits


def test_the_first_environment_is_this_python_and_the_others_are_all_supported_ones() -> None:
    here, *others = environments()
    assert here["python_version"] == "{}.{}".format(*sys.version_info[:2])
    assert {place["python_version"] for place in others} >= {"3.11", "3.12", "3.13", "3.14", "3.15"}
    assert {place["sys_platform"] for place in others} == {sys.platform}


def test_a_long_marker_takes_time_in_proportion() -> None:
    marker = " or ".join(["os_name == 'a'"] * 100)
    assert parse_requirement(f"thing; {marker}").marker(HERE) is False
