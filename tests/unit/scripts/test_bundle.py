"""`scripts/bundle.py`: which wheels go in, and what is said of those that are missing."""

from __future__ import annotations

import argparse
import subprocess
from email.parser import BytesParser
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from openviper.vendoring import own
from scripts import bundle
from scripts.bundle import (
    BundleError,
    Wheel,
    chosen,
    made,
    own_wheel,
    read_wheel,
    required_by,
    requirements,
    way_to_sign,
    wheels_in,
)


def wheel_file(name: str, version: str = "1.0", *requires: str) -> bytes:
    buffer = BytesIO()
    lines = [
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {text}" for text in requires),
    ]
    with ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n")
    return buffer.getvalue()


def wheel(name: str, *requires: str, version: str = "1.0", tags: str = "py3-none-any") -> Wheel:
    return read_wheel(f"{name}-{version}-{tags}.whl", wheel_file(name, version, *requires))


OPENVIPER = wheel("openviper", "parrot>=1", 'cage; extra == "redis"')


def test_the_own_wheel_is_the_same_each_time_and_holds_the_whole_package() -> None:
    first = own_wheel()
    assert first.content == own_wheel().content
    with ZipFile(BytesIO(first.content)) as archive:
        names = set(archive.namelist())
        folder = next(name for name in names if name.endswith("/WHEEL")).partition("/")[0]
        metadata = BytesParser().parsebytes(archive.read(f"{folder}/METADATA"))
        record = archive.read(f"{folder}/RECORD").decode()
    assert metadata.get_all("Requires-Dist", [])[: len(own.REQUIREMENTS)] == list(own.REQUIREMENTS)
    assert {"openviper/__init__.py", f"{folder}/licenses/LICENSE"} <= names
    assert {line.partition(",")[0].strip('"') for line in record.splitlines()} == names


@pytest.mark.parametrize(
    ("tags", "python", "serves"),
    [
        ("py3-none-any", "3.13", True),
        ("py2.py3-none-any", "3.11", True),
        ("cp311-cp311-manylinux2014_x86_64", "3.11", True),
        ("cp311-cp311-manylinux2014_x86_64", "3.12", False),
        ("cp38-abi3-manylinux2014_x86_64", "3.12", True),
        ("cp313-abi3-manylinux2014_x86_64", "3.12", False),
        ("py311-none-any", "3.11", True),
    ],
)
def test_a_wheel_says_by_its_name_whom_it_serves(tags: str, python: str, serves: bool) -> None:
    assert wheel("parrot", tags=tags).serves(python) is serves


def test_what_is_needed_is_taken_and_the_rest_is_left() -> None:
    wheels = [OPENVIPER, wheel("parrot", "perch"), wheel("perch"), wheel("cage"), wheel("stray")]
    assert [one.name for one in chosen(wheels, ["3.11"], [])] == ["openviper", "parrot", "perch"]
    with_driver = chosen(wheels, ["3.11"], ["redis"])
    assert [one.name for one in with_driver] == ["cage", "openviper", "parrot", "perch"]


def test_each_python_gets_its_compiled_wheel() -> None:
    compiled = [wheel("parrot", tags=f"cp3{minor}-cp3{minor}-any") for minor in (11, 12)]
    wheels = [OPENVIPER, *compiled]
    assert len(chosen(wheels, ["3.11", "3.12"], [])) == 3
    with pytest.raises(BundleError, match=r"no wheel of: parrot for Python 3\.13"):
        chosen(wheels, ["3.11", "3.12", "3.13"], [])


def test_everything_that_is_missing_is_named_at_once() -> None:
    wheels = [OPENVIPER, wheel("parrot", "perch; python_version < '3.12'")]
    with pytest.raises(BundleError) as caught:
        chosen(wheels, ["3.11", "3.12"], ["redis"])
    missing = "cage for Python 3.11, cage for Python 3.12, perch for Python 3.11"
    assert str(caught.value) == f"no wheel of: {missing}"


def test_two_versions_of_a_package_are_refused() -> None:
    wheels = [OPENVIPER, wheel("parrot"), wheel("parrot", version="2.0")]
    with pytest.raises(BundleError, match="'parrot' in several versions: 1.0, 2.0"):
        chosen(wheels, ["3.11"], [])


def test_markers_are_read_for_the_python_that_is_meant_and_each_of_its_releases() -> None:
    needy = wheel(
        "parrot", "perch; python_full_version < '3.11.3'", "cage; python_version > '3.11'"
    )
    assert list(required_by(needy, [], "3.11")) == [("perch", ())]
    assert list(required_by(needy, [], "3.12")) == [("cage", ())]


def test_circles_come_to_an_end() -> None:
    wheels = [OPENVIPER, wheel("parrot", "perch"), wheel("perch", "parrot")]
    assert len(chosen(wheels, ["3.11"], [])) == 3


def test_the_requirements_name_the_sum_of_every_wheel() -> None:
    two = [wheel("parrot", tags=f"cp3{minor}-cp3{minor}-any") for minor in (11, 12)]
    lines = requirements([*two, wheel("cage")]).splitlines()
    assert lines[0] == "cage==1.0 \\"
    assert lines[2] == "parrot==1.0 \\"
    assert len([line for line in lines if "--hash=sha256:" in line]) == 3


@pytest.mark.parametrize("file", ["parrot.whl", "parrot-1.0-py3-none-any.whl"])
def test_what_is_no_wheel_is_named(file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_bytes(b"not a wheel")
    with pytest.raises(BundleError, match=f"{file!r} is not"):
        wheels_in(tmp_path)


def test_a_wheel_of_openviper_in_the_folder_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "openviper-9.9-py3-none-any.whl").write_bytes(wheel_file("openviper", "9.9"))
    assert wheels_in(tmp_path) == []


def test_keys_are_told_apart(tmp_path: Path) -> None:
    ed25519, rsa, ssh = tmp_path / "a.pem", tmp_path / "b.pem", tmp_path / "c"
    make = ["openssl", "genpkey", "-quiet", "-algorithm"]
    subprocess.run([*make, "ed25519", "-out", ed25519], check=True, capture_output=True)
    subprocess.run([*make, "RSA", "-out", rsa], check=True, capture_output=True)
    ssh.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert [way_to_sign(key) for key in (ed25519, rsa, ssh)] == ["pkeyutl", "dgst", "ssh"]
    (tmp_path / "public").write_text("-----BEGIN PUBLIC KEY-----\n")
    with pytest.raises(BundleError, match="is not a private key"):
        way_to_sign(tmp_path / "public")
    with pytest.raises(BundleError, match="cannot read the key"):
        way_to_sign(tmp_path / "gone")


def test_a_program_that_is_not_there_or_fails_is_one_line() -> None:
    with pytest.raises(BundleError, match="the program 'no-such-program' is not installed"):
        bundle.run(["no-such-program"])
    with pytest.raises(BundleError, match="sh -c .* failed: oh no"):
        bundle.run(["sh", "-c", "echo oh no >&2; exit 3"])


def options(output: Path, wheels: Path, **more: object) -> argparse.Namespace:
    parsed = bundle.parse([str(output), "--wheels", str(wheels)])
    return argparse.Namespace(**{**vars(parsed), **more})


def test_a_place_that_is_taken_and_a_folder_that_is_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").touch()
    with pytest.raises(BundleError, match="exists and is not an empty directory"):
        bundle.build(options(tmp_path / "out", tmp_path))
    with pytest.raises(BundleError, match="there is no folder"):
        bundle.build(options(tmp_path / "new", tmp_path / "gone"))
    with pytest.raises(BundleError, match="unknown extra 'oracle'"):
        bundle.build(options(tmp_path / "new", tmp_path, extras="oracle"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_command_shows_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bundle.main([str(tmp_path / "new"), "--wheels", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("Error: no wheel of: jinja2 for Python 3.11")


@pytest.mark.parametrize("output", [".", "..", "gone/out", "link"])
def test_a_bundle_has_a_directory_of_its_own_name(
    output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(BundleError, match="no directory with a name of its own|does not exist"):
        with made(Path(output)):
            pass
    assert [path.name for path in tmp_path.rglob("*")] == ["here", "link"]


def test_what_a_killed_run_has_left_is_cleared_away_and_files_of_others_stay(
    tmp_path: Path,
) -> None:
    (tmp_path / ".out.12345678.partial").mkdir()
    (tmp_path / ".out.partial").touch()
    with made(tmp_path / "out") as place:
        (place / "a").touch()
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".out.partial", "a", "out"]
    with pytest.raises(BundleError, match="exists and is not an empty directory"):
        with made(tmp_path / "out"):
            pass
