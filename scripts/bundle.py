#!/usr/bin/env python3
"""Build a directory that brings OpenViper into a place without a network: wheels, hashes, installer, manual, SBOM.

    python3 scripts/bundle.py OUT --wheels DIR        the wheels of what OpenViper needs lie in DIR
    python3 scripts/bundle.py OUT --download          pip fetches them, for each --python and --platform

OpenViper's own wheel is made from this checkout, by this script: no build tool and no network is needed, and the same
checkout gives the same bytes, at the time that `SOURCE_DATE_EPOCH` tells, or 1980. Run it with an interpreter in which
OpenViper's packages are installed, as that of `.venv-check/3.11`: the manual and the archive are made with them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from email.parser import BytesParser
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # Run as a script, Python looks in its folder only.

from openviper.exceptions import OpenViperException
from openviper.vendoring import own
from openviper.vendoring.building import build_tree
from openviper.vendoring.distributions import own_package, with_record
from openviper.vendoring.manifest import digest
from openviper.vendoring.requirements import environments, normalise_name, parse_requirement
from openviper.vendoring.sbom import SBOM
from openviper.vendoring.turns import turn
from openviper.vendoring.writing import write_archive, zip_bytes

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORM = "manylinux2014_x86_64"
SUMS = "SHA256SUMS"
REQUIREMENTS = "requirements.txt"
ARCHIVE = "openviper.pyz"
NAMESPACE = "openviper-bundle"
"""What `ssh-keygen -Y` signs for, so that a signature made for something else does not count."""
TIMEOUT = 900.0
"""Longest wait for another program, in seconds."""
WHEEL = """Wheel-Version: 1.0
Generator: openviper scripts/bundle.py
Root-Is-Purelib: true
Tag: py3-none-any
"""
INSTALLER = """#!/bin/sh
# Install OpenViper and what it needs from this directory: no network is used, and every file is checked.
#
#     sh install.sh [ENVIRONMENT [PYTHON]]        default: ./openviper-env, python3
set -eu
environment=${1:-openviper-env}
python=${2:-python3}
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
(cd "$here" && sha256sum --quiet -c SHA256SUMS)
"$python" -m venv "$environment"
PIP_CONFIG_FILE=/dev/null "$environment/bin/python" -m pip install --quiet --isolated --disable-pip-version-check \\
    --no-index --find-links "$here/wheels" --require-hashes --requirement "$here/requirements.txt"
"$environment/bin/openviper" --version
"""
README = """OpenViper {version} for places without a network.

    sha256sum -c SHA256SUMS                 is everything as it was made?
{signature}    sh install.sh /srv/openviper-env        make an environment from wheels/ (Python {pythons})
    python3 openviper.pyz --version         or use the one file, without installing anything

docs/index.html is the manual, {sbom} the bill of materials (CycloneDX 1.6).
"""
SIGNATURES = {
    "ssh": "    ssh-keygen -Y verify -f allowed_signers -I NAME -n openviper-bundle -s SHA256SUMS.sig < SHA256SUMS\n",
    "pkeyutl": "    openssl pkeyutl -verify -rawin -pubin -inkey PUBLIC.pem -sigfile SHA256SUMS.sig -in SHA256SUMS\n",
    "dgst": "    openssl dgst -sha256 -verify PUBLIC.pem -signature SHA256SUMS.sig SHA256SUMS\n",
}
"""How the signature of each way of signing is verified."""


class BundleError(OpenViperException):
    """The bundle cannot be made; nothing was left."""


class Wheel(NamedTuple):
    """One wheel.

    Attributes:
        file: Its file name.
        name: The normalised name of its package.
        version: The package's version.
        tags: The tags of Pythons that it is for, such as ``py3`` or ``cp312``.
        is_stable: Whether it is for later Pythons too (abi3).
        requires: The requirements of the package.
        content: The file.
    """

    file: str
    name: str
    version: str
    tags: tuple[str, ...]
    is_stable: bool
    requires: tuple[str, ...]
    content: bytes

    def serves(self, python: str) -> bool:
        """Return whether it can be installed for a version of Python, by its tags."""
        minor = python.rpartition(".")[2]
        if "py3" in self.tags or f"cp3{minor}" in self.tags or f"py3{minor}" in self.tags:
            return True
        minors = [tag[3:] for tag in self.tags if tag.startswith("cp3") and tag[3:].isdigit()]
        return self.is_stable and any(int(found) <= int(minor) for found in minors)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build a bundle and return the exit code."""
    options = parse(arguments)
    try:
        sums = build(options)
    except (OpenViperException, OSError, subprocess.SubprocessError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"{options.output}: {len(sums)} files; SHA-256 of {SUMS}: {digest(listed(sums))}")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Build a bundle of OpenViper for installation offline."
    )
    parser.add_argument("output", type=Path, metavar="OUT", help="the directory to make")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--wheels", type=Path, metavar="DIR", help="folder with the wheels of what is needed"
    )
    source.add_argument("--download", action="store_true", help="have pip download them")
    parser.add_argument(
        "--python",
        action="append",
        dest="pythons",
        metavar="X.Y",
        help=f"Python to install for; repeatable (default: {', '.join(PYTHONS)})",
    )
    parser.add_argument(
        "--platform",
        default=PLATFORM,
        help="platform that --download fetches compiled wheels for (default: %(default)s)",
    )
    parser.add_argument(
        "--extras", default="", metavar="NAMES", help="drivers to add, separated by commas"
    )
    parser.add_argument(
        "--key",
        type=lambda text: Path(text).absolute(),  # Other programs run in another directory.
        metavar="FILE",
        help=f"private key to sign {SUMS} with: PEM (openssl) or OpenSSH",
    )
    return parser.parse_args(arguments)


def build(options: argparse.Namespace) -> dict[str, str]:
    """Build the bundle and return the SHA-256 of each file by its name.

    Raises:
        BundleError: If it cannot be made.
    """
    pythons = tuple(options.pythons or PYTHONS)
    extras = sorted({name.strip() for name in options.extras.split(",") if name.strip()})
    unknown = sorted(set(extras) - set(own.EXTRAS))
    if unknown:
        raise BundleError(f"unknown extra {unknown[0]!r}; there are {', '.join(own.EXTRAS)}")
    output: Path = options.output
    with made(output) as place:
        wheels = [own_wheel(), *gathered(options, pythons, extras)]
        needed = chosen(wheels, pythons, extras)
        fill(
            place,
            needed,
            pythons,
            extras,
            None if options.key is None else way_to_sign(options.key),
        )
        sums = {
            path.relative_to(place).as_posix(): digest(path.read_bytes())
            for path in sorted(place.rglob("*"))
            if path.is_file()
        }
        (place / SUMS).write_bytes(listed(sums))
        if options.key is not None:
            sign(place / SUMS, options.key)
        for path in place.rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.name in (ARCHIVE, "install.sh") else 0o644)
    return sums


@contextlib.contextmanager
def made(output: Path) -> Iterator[Path]:
    """Make a directory under a hidden name that takes its own when all is there."""
    if output.name in ("", "..") or output.is_symlink():
        raise BundleError(f"{str(output)!r} is no directory with a name of its own")
    if not output.parent.is_dir():
        raise BundleError(f"the directory {str(output.parent)!r} does not exist")
    with turn(output):
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise BundleError(f"{str(output)!r} exists and is not an empty directory")
        place = output.absolute().with_name(f".{output.name}.{secrets.token_hex(4)}.partial")
        try:
            place.mkdir()
            yield place
            if output.exists():
                output.rmdir()
            place.rename(output)
        finally:
            shutil.rmtree(place, ignore_errors=True)


def fill(
    place: Path,
    wheels: Sequence[Wheel],
    pythons: Sequence[str],
    extras: Sequence[str],
    signature: str | None,
) -> None:
    """Put everything into the bundle but the list of sums."""
    (place / "wheels").mkdir()
    for wheel in wheels:
        (place / "wheels" / wheel.file).write_bytes(wheel.content)
    (place / REQUIREMENTS).write_text(requirements(wheels))
    (place / "install.sh").write_text(INSTALLER)
    (place / "LICENSE").write_bytes(own.licence_text())
    tree = build_tree(extras)
    (place / SBOM).write_bytes(tree[SBOM])
    write_archive(tree, place / ARCHIVE)
    text = README.format(
        version=wheels_version(wheels),
        pythons=", ".join(pythons),
        sbom=SBOM,
        signature=SIGNATURES[signature] if signature else "",
    )
    (place / "README.txt").write_text(text)
    run([sys.executable, "-m", "openviper", "docs", "--output", str(place / "docs")])


def wheels_version(wheels: Sequence[Wheel]) -> str:
    """Return the version of OpenViper's own wheel."""
    return next(wheel.version for wheel in wheels if wheel.name == own.NAME)


def own_wheel() -> Wheel:
    """Make OpenViper's wheel from the checkout (PEP 427)."""
    package = own_package(())
    folder = f"{own.NAME}-{package.version}.dist-info"
    files = {name: content for name, content in package.files.items() if name != f"{folder}/RECORD"}
    files[f"{folder}/WHEEL"] = WHEEL.encode()
    content = zip_bytes(with_record(files, folder))
    return read_wheel(f"{own.NAME}-{package.version}-py3-none-any.whl", content)


def read_wheel(file: str, content: bytes) -> Wheel:
    """Read what a wheel is.

    Raises:
        BundleError: If it is not one.
    """
    parts = file.removesuffix(".whl").split("-")
    if len(parts) not in (5, 6):
        raise BundleError(f"{file!r} is not the name of a wheel")
    metadata = wheel_metadata(file, content)
    return Wheel(
        file,
        normalise_name(parts[0]),
        parts[1],
        tuple(parts[-3].split(".")),
        "abi3" in parts[-2].split("."),
        tuple(metadata.get_all("Requires-Dist") or ()),
        content,
    )


def wheel_metadata(file: str, content: bytes) -> Message:
    """Return the metadata in a wheel.

    Raises:
        BundleError: If it has none.
    """
    try:
        with ZipFile(BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            return BytesParser().parsebytes(archive.read(names[0]))
    except (BadZipFile, IndexError, OSError) as error:
        raise BundleError(f"{file!r} is not a wheel") from error


def gathered(
    options: argparse.Namespace, pythons: Sequence[str], extras: Sequence[str]
) -> list[Wheel]:
    """Return the wheels of a folder, or those that pip downloads."""
    if options.wheels is not None:
        if not options.wheels.is_dir():
            raise BundleError(f"there is no folder {str(options.wheels)!r}")
        return wheels_in(options.wheels)
    with tempfile.TemporaryDirectory(prefix="bundle-") as folder:
        download(Path(folder), pythons, options.platform, extras)
        return wheels_in(Path(folder))


def wheels_in(folder: Path) -> list[Wheel]:
    """Return the wheels that lie in a folder; one of OpenViper is passed over, as the checkout makes it."""
    wheels = [read_wheel(path.name, path.read_bytes()) for path in sorted(folder.glob("*.whl"))]
    return [wheel for wheel in wheels if wheel.name != own.NAME]


def download(folder: Path, pythons: Sequence[str], platform: str, extras: Sequence[str]) -> None:
    """Have pip download wheels for each Python, the versions that the first one gets for the later ones too."""
    wanted = [*own.REQUIREMENTS, *(own.EXTRAS[extra].requirement for extra in extras)]
    for python in pythons:
        pip_download(folder, python, platform, wanted)
    # pip reads markers for the Python that it runs on, whatever it is to download for.
    tried: set[Missing] = set()
    missing = needed_of([own_wheel(), *wheels_in(folder)], pythons, extras)[1]
    while missing and not tried.issuperset(missing):
        tried.update(missing)
        for text, python in missing:
            pip_download(folder, python, platform, ["--no-deps", text])
        missing = needed_of([own_wheel(), *wheels_in(folder)], pythons, extras)[1]


def pip_download(folder: Path, python: str, platform: str, words: Sequence[str]) -> None:
    """Have pip download wheels into a folder, in the versions that are there already where there are any."""
    constraints = folder / "constraints.txt"
    pins = sorted({f"{wheel.name}=={wheel.version}" for wheel in wheels_in(folder)})
    constraints.write_text("\n".join([*pins, ""]))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    command += ["--platform", platform, "--dest", str(folder), "--constraint", str(constraints)]
    run([*command, *words])


def chosen(wheels: Sequence[Wheel], pythons: Sequence[str], extras: Sequence[str]) -> list[Wheel]:
    """Return the wheels that are needed on any of some Pythons.

    Raises:
        BundleError: If one is missing, or there are two versions of one package.
    """
    needed, missing = needed_of(wheels, pythons, extras)
    if missing:
        names = ", ".join(f"{text} for Python {python}" for text, python in missing)
        raise BundleError(f"no wheel of: {names}")
    return needed


Missing = tuple[str, str]
"""A package of which no wheel is there, and the Python for which it is needed."""


def needed_of(
    wheels: Sequence[Wheel], pythons: Sequence[str], extras: Sequence[str]
) -> tuple[list[Wheel], list[Missing]]:
    """Return the wheels that are needed on any of some Pythons, and what is missing.

    Raises:
        BundleError: If there are two versions of one package.
    """
    by_name = grouped(wheels)
    needed: dict[str, Wheel] = {}
    missing: set[Missing] = set()
    for python in pythons:
        waiting: list[tuple[str, tuple[str, ...]]] = [(own.NAME, tuple(extras))]
        seen = set()
        while waiting:
            entry = waiting.pop()
            if entry in seen:
                continue
            seen.add(entry)
            wheel = next(
                (found for found in by_name.get(entry[0], ()) if found.serves(python)), None
            )
            if wheel is None:
                missing.add((entry[0], python))
                continue
            needed[wheel.file] = wheel
            waiting += required_by(wheel, entry[1], python)
    return [needed[file] for file in sorted(needed)], sorted(missing)


def grouped(wheels: Sequence[Wheel]) -> dict[str, list[Wheel]]:
    """Return wheels by the names of their packages.

    Raises:
        BundleError: If there are two versions of one package.
    """
    by_name: dict[str, list[Wheel]] = {}
    for wheel in wheels:
        by_name.setdefault(wheel.name, []).append(wheel)
    for name, found in by_name.items():
        versions = sorted({wheel.version for wheel in found})
        if len(versions) > 1:
            raise BundleError(
                f"there are wheels of {name!r} in several versions: {', '.join(versions)}"
            )
    return by_name


def required_by(
    wheel: Wheel, extras: Sequence[str], python: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield names and extras of what a wheel requires on a Python."""
    places = [place for place in environments()[1:] if place["python_version"] == python]
    for text in wheel.requires:
        requirement = parse_requirement(text)
        if any(
            requirement.marker({**place, "extra": extra})
            for place in places
            for extra in ("", *extras)
        ):
            yield requirement.name, requirement.extras


def requirements(wheels: Sequence[Wheel]) -> str:
    """Return the requirements file: every package at its version, with the SHA-256 of its wheels."""
    sums: dict[str, list[str]] = {}
    for wheel in wheels:
        sums.setdefault(f"{wheel.name}=={wheel.version}", []).append(digest(wheel.content))
    lines = []
    for pinned in sorted(sums):
        hashes = [f"    --hash=sha256:{value}" for value in sorted(sums[pinned])]
        lines.append(" \\\n".join([pinned, *hashes]))
    return "\n".join(lines) + "\n"


def listed(sums: Mapping[str, str]) -> bytes:
    """Return sums as `sha256sum -c` reads them."""
    return "".join(f"{value}  {name}\n" for name, value in sorted(sums.items())).encode()


def way_to_sign(key: Path) -> str:
    """Return how a private key signs: ``ssh``, or with openssl ``pkeyutl`` (Ed25519, Ed448) or ``dgst``.

    Raises:
        BundleError: If the file is not a private key.
    """
    try:
        first = key.read_text(errors="replace").lstrip().partition("\n")[0]
    except OSError as error:
        raise BundleError(f"cannot read the key {str(key)!r}: {error.strerror}") from error
    if "PRIVATE KEY" not in first:
        raise BundleError(f"{str(key)!r} is not a private key")
    if "OPENSSH" in first:
        return "ssh"
    described = run(["openssl", "pkey", "-in", str(key), "-noout", "-text"])
    return "pkeyutl" if described.lstrip().upper().startswith("ED") else "dgst"


def sign(sums: Path, key: Path) -> None:
    """Write the signature of a file beside it, with the ending ``.sig``."""
    signature = sums.with_name(f"{sums.name}.sig")
    way = way_to_sign(key)
    commands = {
        "ssh": ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(sums)],
        "pkeyutl": ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-in", str(sums)]
        + ["-out", str(signature)],
        "dgst": [
            "openssl",
            "dgst",
            "-sha256",
            "-sign",
            str(key),
            "-out",
            str(signature),
            str(sums),
        ],
    }
    run(commands[way])


def run(command: Sequence[str]) -> str:
    """Run another program and return what it printed.

    Raises:
        BundleError: If it fails, with the last line it said, or is not there.
    """
    try:
        result = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            env=child_environment(),
        )
    except FileNotFoundError as error:
        raise BundleError(f"the program {command[0]!r} is not installed") from error
    if result.returncode:
        last = (result.stderr or result.stdout).strip().rpartition("\n")[2]
        raise BundleError(f"{Path(command[0]).name} {' '.join(command[1:4])} failed: {last}")
    return result.stdout


def child_environment() -> dict[str, str]:
    """Return the environment of other programs: this one's, without settings of a project."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OPENVIPER_")}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
