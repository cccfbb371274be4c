from __future__ import annotations

import json
from typing import Any

import pytest

from openviper.vendoring.distributions import Package, collect
from openviper.vendoring.sbom import build_sbom, files_sum, source_date_epoch


@pytest.fixture(scope="module")
def packages() -> list[Package]:
    return collect(("postgres", "mariadb", "redis")).packages


def validator() -> Any:
    module = pytest.importorskip(
        "cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed"
    )
    schema = pytest.importorskip("cyclonedx.schema")
    return module.JsonStrictValidator(schema.SchemaVersion.V1_6)


@pytest.mark.parametrize("epoch", [None, 0, 1_700_000_000])
def test_the_bill_fits_the_schema_of_cyclonedx(packages: list[Package], epoch: int | None) -> None:
    problem = validator().validate_str(build_sbom(packages, epoch).decode())
    assert problem is None, problem


def test_the_schema_would_refuse_something_else(packages: list[Package]) -> None:
    document = json.loads(build_sbom(packages))
    document["components"][0]["type"] = "parrot"
    assert validator().validate_str(json.dumps(document)) is not None


def test_odd_licences_and_addresses_still_fit_the_schema() -> None:
    package = Package(
        "openviper",
        "1 0\u202e",
        "Some Licence, 2nd (a) \U0001f40d",
        "javascript:alert(1)",
        (),
        {},
        (),
        (),
    )
    bill = build_sbom([package]).decode()
    assert validator().validate_str(bill) is None
    assert "javascript" not in bill


def test_openviper_is_the_subject_and_all_others_are_its_parts(packages: list[Package]) -> None:
    document = json.loads(build_sbom(packages))
    assert document["metadata"]["component"]["name"] == "openviper"
    parts = [component["name"] for component in document["components"]]
    assert parts == [package.name for package in packages if package.name != "openviper"]
    needs = {entry["ref"]: entry["dependsOn"] for entry in document["dependencies"]}
    uvicorn = next(ref for ref in needs if ref.startswith("pkg:pypi/uvicorn@"))
    assert [ref.partition("@")[0] for ref in needs[uvicorn]] == ["pkg:pypi/click", "pkg:pypi/h11"]


def test_equal_packages_give_equal_bytes_and_others_another_number(packages: list[Package]) -> None:
    assert build_sbom(packages) == build_sbom(list(packages))
    changed = [*packages[:-1], packages[-1]._replace(files={"a": b"b"})]
    number = json.loads(build_sbom(packages))["serialNumber"]
    assert json.loads(build_sbom(changed))["serialNumber"] != number


def test_no_time_stands_in_it_unless_one_is_told(packages: list[Package]) -> None:
    assert "timestamp" not in json.loads(build_sbom(packages))["metadata"]
    told = json.loads(build_sbom(packages, 86400))["metadata"]["timestamp"]
    assert told == "1970-01-02T00:00:00+00:00"


def test_the_sum_of_a_package_changes_with_names_and_content() -> None:
    one = Package("a", "1", "", "", (), {"x": b"1", "y": b"2"}, (), ())
    sums = {
        files_sum(one._replace(files=files)) for files in ({"x": b"1"}, {"x": b"2"}, {"y": b"1"})
    }
    assert len(sums | {files_sum(one)}) == 4
    assert files_sum(one) == files_sum(one._replace(files={"y": b"2", "x": b"1"}))


@pytest.mark.parametrize("text", ["soon", "-1", "1.5", "\u0661", "9" * 12])
def test_a_wrong_epoch_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    with pytest.raises(ValueError, match="SOURCE_DATE_EPOCH is"):
        source_date_epoch()


def test_an_empty_epoch_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", " ")
    assert source_date_epoch() is None
