"""The two forms of a tree: what the compact one holds, and what it notes of the full one."""

from __future__ import annotations

import json

import pytest

from openviper.vendoring import forms
from openviper.vendoring.distributions import Package, with_record
from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.forms import in_form
from openviper.vendoring.manifest import (
    COMPACT,
    FULL,
    Manifest,
    PackageEntry,
    digest,
    read_manifest,
    sources_of,
)
from openviper.vendoring.sbom import files_sum

SOURCE = b'"""Words."""\n\nANSWER = 42  # of course\n'
FOLDER = "openviper-1.0.dist-info"
FILES = with_record(
    {
        "openviper/__init__.py": SOURCE,
        "openviper/bare.py": b"X=1\n",
        "openviper/documentation/content/README.md": b"# Manual\n",
        "openviper/documentation/content/drawings/a.svg": b"<svg/>",
        f"{FOLDER}/METADATA": b"Name: openviper\n",
    },
    FOLDER,
)
PACKAGE = Package("openviper", "1.0", "MIT", "", (), FILES, (), ("openviper",))
SUMS = {name: digest(content) for name, content in FILES.items()}


def entry(package: Package) -> PackageEntry:
    """Return what a manifest says of a package."""
    sums = {name: digest(content) for name, content in package.files.items()}
    return PackageEntry(package.name, "1.0", "MIT", "", (), (), (), sums, package.origins)


@pytest.fixture
def compact() -> Package:
    (package,) = in_form([PACKAGE], COMPACT)
    return package


def test_the_full_form_is_the_package_as_it_is() -> None:
    assert in_form([PACKAGE], FULL) == [PACKAGE]


def test_the_compact_form_has_one_file_for_the_manual_and_no_sum_twice(compact: Package) -> None:
    assert set(compact.files) == {
        "openviper/__init__.py",
        "openviper/bare.py",
        "openviper/documentation/content.tar.gz",
        f"{FOLDER}/METADATA",
        f"{FOLDER}/RECORD",
    }
    assert compact.files["openviper/__init__.py"] == b"\n\nANSWER=42\n"
    assert b"sha256" not in compact.files[f"{FOLDER}/RECORD"]


def test_what_differs_from_its_source_says_what_that_was(compact: Package) -> None:
    assert compact.origins == {
        "openviper/__init__.py": digest(SOURCE),
        f"{FOLDER}/RECORD": SUMS[f"{FOLDER}/RECORD"],
        "openviper/documentation/content.tar.gz": {
            name: value for name, value in SUMS.items() if "/content/" in name
        },
    }
    sums = {name: digest(content) for name, content in compact.files.items()}
    assert sources_of(sums, compact.origins) == SUMS


def test_both_forms_have_one_bill_of_materials(compact: Package) -> None:
    assert files_sum(compact) == files_sum(PACKAGE)


def test_a_manifest_of_the_compact_form_is_read_as_it_was_written(compact: Package) -> None:
    content = Manifest(packages=[entry(compact)], form=COMPACT).dump()
    manifest = read_manifest(content, "here")
    assert (manifest.form, manifest.packages[0].origins) == (COMPACT, compact.origins)
    assert manifest.dump() == content and manifest.sources() == SUMS
    assert b"  " not in content and b'": ' not in content


def test_a_compact_copy_makes_the_same_again(
    compact: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no sources, but it knows their sums."""
    running = Manifest(packages=[entry(compact)], form=COMPACT)
    monkeypatch.setattr(forms, "running_manifest", lambda: running)
    # The list of files is made anew, as of every installed package.
    files = {name: each for name, each in compact.files.items() if not name.endswith("/RECORD")}
    installed = PACKAGE._replace(files=with_record(files, FOLDER))
    assert in_form([installed], COMPACT) == [compact]


def test_a_compact_copy_makes_no_full_tree(
    compact: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Manifest(packages=[entry(compact)], form=COMPACT)
    monkeypatch.setattr(forms, "running_manifest", lambda: running)
    with pytest.raises(VendorError, match="no full tree can be made from it; --compact"):
        in_form([compact], FULL)


def test_a_package_without_pages_brings_no_archive() -> None:
    files = with_record({"parrot/__init__.py": SOURCE}, "parrot-1.0.dist-info")
    (package,) = in_form([PACKAGE._replace(name="parrot", files=files)], COMPACT)
    assert set(package.files) == set(files)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"a.py": ["0" * 64]}, "the sum of 'a.py' is not text"),
        ({"a.py": [1, "0"]}, "the sum of 'a.py' is not text"),
        ({"a.py": ["0", 1]}, "the origin of 'a.py' is not an object"),
        ({"a.py": ["0", {"../b": "0"}]}, r"'\.\./b' leads outside"),
        ({"../a.py": ["0", "1"]}, r"'\.\./a.py' leads outside"),
    ],
)
def test_what_is_wrong_with_the_origin_of_a_file_is_said(written: object, problem: str) -> None:
    document = json.loads(Manifest(packages=[entry(PACKAGE)], form=COMPACT).dump())
    document["packages"][0]["files"] = written
    with pytest.raises(VendorError, match=problem):
        read_manifest(json.dumps(document).encode(), "here")
