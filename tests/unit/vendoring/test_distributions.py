from __future__ import annotations

import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from openviper.vendoring import own
from openviper.vendoring.distributions import collect, licence_of, package_of, source_of
from openviper.vendoring.exceptions import VendorError
from tests.unit.vendoring.trees import install


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for installed packages, in which OpenViper needs `parrot` alone."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(own, "REQUIREMENTS", ("parrot>=1.0",))
    return tmp_path


def names(extras: tuple[str, ...] = ()) -> list[str]:
    return [package.name for package in collect(extras).packages]


def test_requirements_are_followed_to_their_end(site: Path) -> None:
    install(
        site, "parrot", requires=("cage>=1; python_version >= '3.8'", "perch; extra == 'deluxe'")
    )
    install(site, "cage", requires=("bars[steel]",))
    install(site, "bars", requires=("steel_alloy; extra == 'steel'", "parrot"))
    install(site, "steel_alloy")
    assert names() == ["bars", "cage", "openviper", "parrot", "steel-alloy"]
    by_name = {package.name: package for package in collect(()).packages}
    assert by_name["bars"].requires == ("parrot", "steel-alloy")
    assert by_name["openviper"].requires == ("parrot",)


def test_what_is_not_installed_is_named_all_at_once(site: Path) -> None:
    install(site, "parrot", requires=("cage_of_nowhere", "perch_of_nowhere>=2"))
    with pytest.raises(VendorError) as caught:
        collect(())
    assert "cage_of_nowhere (needed by parrot)" in str(caught.value)
    assert "perch_of_nowhere>=2 (needed by parrot)" in str(caught.value)


def test_a_version_that_is_too_old_is_refused(site: Path) -> None:
    install(site, "parrot", "0.9")
    with pytest.raises(VendorError, match="openviper needs 'parrot>=1.0', and '0.9' is installed"):
        collect(())


def test_what_only_another_python_needs_is_carried_where_it_is_there_and_named_where_not(
    site: Path,
) -> None:
    here = "{}.{}".format(*sys.version_info[:2])
    other = f"python_full_version < '3.11.0a1' or python_version != '{here}'"
    install(site, "parrot", requires=(f"cage; {other}", f"perch_of_nowhere; {other}"))
    install(site, "cage")
    needed = collect(())
    assert [package.name for package in needed.packages] == ["cage", "openviper", "parrot"]
    assert len(needed.missing) == 1 and needed.missing[0].startswith("perch_of_nowhere;")


def test_what_no_supported_python_needs_is_not_asked_for(site: Path) -> None:
    install(site, "parrot", requires=("cage_of_nowhere; python_version < '3.9'",))
    assert names() == ["openviper", "parrot"]


def test_an_unknown_extra_is_refused() -> None:
    with pytest.raises(
        VendorError, match="unknown extra 'oracle'; there are postgres, mariadb, redis"
    ):
        collect(("oracle",))


def package(site: Path) -> dict[str, bytes]:
    return package_of(distribution("parrot"), ()).files


def test_compiled_files_tests_caches_and_traces_of_the_installation_stay_behind(site: Path) -> None:
    install(
        site,
        "parrot",
        files={
            "parrot/_fast.cpython-311-x86_64-linux-gnu.so": "",
            "parrot/_fast.c": "",
            "parrot/_fast.pyi": "",
            "parrot/tests/test_a.py": "",
            "parrot/__pycache__/a.cpython-311.pyc": "",
            "parrot/data/words.txt": "hello",
            "parrot/testing.py": "",
        },
    )
    files = package(site)
    assert [name for name in files if not name.startswith("parrot-1.0")] == [
        "parrot/__init__.py",
        "parrot/_fast.pyi",
        "parrot/data/words.txt",
        "parrot/testing.py",
    ]
    assert [name.partition("/")[2] for name in files if name.startswith("parrot-1.0")] == [
        "METADATA",
        "RECORD",
        "licenses/LICENSE",
    ]
    assert package_of(distribution("parrot"), ()).left_out == ("parrot/_fast",)


def test_the_list_of_files_is_written_anew(site: Path) -> None:
    install(site, "parrot", files={"parrot/a, b.txt": ""})
    record = package(site)["parrot-1.0.dist-info/RECORD"].decode().splitlines()
    assert '"parrot/a, b.txt",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0' in record
    assert record[-1] == "parrot-1.0.dist-info/RECORD,,"
    assert not [line for line in record if "bin/parrot" in line or "INSTALLER" in line]


def test_a_package_without_a_list_of_files_is_found_by_its_name(site: Path) -> None:
    install(site, "parrot", files={"parrot/deep/er.py": "x = 1"}, with_record=False)
    files = package(site)
    assert files["parrot/deep/er.py"] == b"x = 1"
    assert "parrot/__init__.py" in files


def test_a_package_without_any_python_is_refused(site: Path) -> None:
    install(site, "parrot", with_record=False)
    (site / "parrot/__init__.py").unlink()
    (site / "parrot").rmdir()
    with pytest.raises(VendorError, match="no Python file of the installed package 'parrot'"):
        package(site)


def test_a_listed_file_that_is_gone_is_named(site: Path) -> None:
    install(site, "parrot", files={"parrot/a.py": ""})
    (site / "parrot/a.py").unlink()
    with pytest.raises(
        VendorError, match=r"cannot read 'parrot/a\.py' of the installed package 'parrot'"
    ):
        package(site)


def found(site: Path, *headers: str) -> Distribution:
    install(site, "parrot", headers=headers)
    return distribution("parrot")


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        (("License-Expression: MIT OR Apache-2.0", "License: something"), "MIT OR Apache-2.0"),
        (("License: BSD",), "BSD"),
        (
            ("Classifier: License :: OSI Approved :: MIT License", "Classifier: A :: B"),
            "MIT License",
        ),
        (("License: " + "the whole text " * 20, "Classifier: License :: OSI Approved :: X"), "X"),
        ((), ""),
    ],
)
def test_the_licence_is_read_where_it_stands(
    site: Path, headers: tuple[str, ...], licence: str
) -> None:
    assert licence_of(found(site, *headers)) == licence


def test_the_source_is_the_best_address_there_is(site: Path) -> None:
    urls = (
        "Project-URL: Funding, https://a.example",
        "Project-URL: Source Code, https://b.example",
    )
    assert source_of(found(site, *urls, "Home-page: https://c.example")) == "https://b.example"


def test_the_home_page_is_the_source_where_nothing_else_is(site: Path) -> None:
    assert source_of(found(site, "Home-page: https://c.example")) == "https://c.example"


def test_the_real_packages_are_pure_python() -> None:
    needed = collect(())
    assert {package.name for package in needed.packages} >= {
        *("click", "h11", "jinja2", "markdown", "markupsafe", "openviper", "uvicorn")
    }
    for package in needed.packages:
        assert package.licence_files, package.name
        assert not [name for name in package.files if name.endswith((".so", ".pyd", ".pyc"))]
