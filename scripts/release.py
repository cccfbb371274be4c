#!/usr/bin/env python3
"""Make a release from this checkout: look whether it can be one, build the bundle, run all checks, date the changelog, tag.

    python3 scripts/release.py                                  only look, and say what stands against it
    python3 scripts/release.py --do OUT --wheels DIR            do it; the bundle goes to OUT
    python3 scripts/release.py --do OUT --wheels DIR --key FILE    and sign it

Nothing is sent anywhere and nothing is fetched: the wheels of what OpenViper needs lie in DIR, and what was made, a commit
and a tag, is pushed by hand. Either all of it is there at the end or nothing is. Run it with an interpreter in which OpenViper's
packages are installed, as that of `.venv-check/3.11`.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # Run as a script, Python looks in its folder only.

from openviper.exceptions import OpenViperException
from scripts import bundle

BRANCH = "main"
CHANGELOG = "CHANGELOG.md"
VERSION = "openviper/version.py"
README = "README.md"
UNRELEASED = "unreleased"
CHECKS = ("scripts/check.py", "--full")
REFERENCES = (
    "scripts/build_docs.py",
    "scripts/build_drawings.py",
    "scripts/build_names_doc.py",
    "scripts/build_settings_doc.py",
    "scripts/build_commands_doc.py",
    "scripts/build_orm_reference.py",
    "scripts/build_texts.py",
)
"""What has to be as its script writes it."""
_VERSION = re.compile(r'^VERSION = "(\d+\.\d+\.\d+)"$', re.MULTILINE)
_HEADING = re.compile(r"^## (\S+)(?: \(([^)\n]*)\))?[^\n]*$", re.MULTILINE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class ReleaseError(OpenViperException):
    """There is no release, and everything is as it was."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, or make the release; return the exit code."""
    options = parse(arguments)
    try:
        version = version_here()
        against = list(problems(version))
        for problem in against:
            print(f"Error: {problem}", file=sys.stderr)
        if against:
            return 1
        if options.do is None:
            print(f"{version} can be released; --do OUT --wheels DIR does it.")
            return 0
        release(version, options)
    except (OpenViperException, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make a release of OpenViper from this checkout.")
    parser.add_argument(
        "--do", type=Path, metavar="OUT", help="make it, with the bundle in this new directory"
    )
    parser.add_argument(
        "--wheels", type=Path, metavar="DIR", help="with --do: the wheels of what is needed"
    )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="with --do: private key to sign the bundle with"
    )
    parser.add_argument(
        "--python",
        action="append",
        dest="pythons",
        metavar="X.Y",
        help="with --do: Python that the bundle is for; repeatable",
    )
    parser.add_argument(
        "--date",
        type=_date,
        default=datetime.datetime.now(datetime.UTC).date(),
        help="the day of the release (default: today, UTC)",
    )
    options = parser.parse_args(arguments)
    if options.do is None and (options.wheels or options.key or options.pythons):
        parser.error("--wheels, --python and --key go with --do")
    if options.do is not None and options.wheels is None:
        parser.error("--do needs --wheels")
    return options


def _date(text: str) -> datetime.date:
    if not _DATE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2026-01-31")
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day: {error}") from error


def version_here() -> str:
    """Return the version that the sources say they are.

    Raises:
        ReleaseError: If they say none.
    """
    found = _VERSION.search((ROOT / VERSION).read_text("utf-8"))
    if found is None:
        raise ReleaseError(f'{VERSION} has no line VERSION = "X.Y.Z"')
    return found[1]


def problems(version: str) -> Iterator[str]:
    """Yield what stands against a release of this checkout, one sentence each; the checks have not run for that."""
    yield from _problems_of_tree()
    yield from _problems_of_version(version)
    yield from _problems_of_changelog(version)
    yield from _problems_of_readme(version)
    for script in REFERENCES:
        if run([sys.executable, script, "--check"]).returncode:
            yield f"{script} --check fails"


def _problems_of_tree() -> Iterator[str]:
    changed = git("status", "--porcelain").splitlines()
    if changed:
        yield f"the checkout has {len(changed)} changes that are not committed: {changed[0].strip()!r}"
    branch = git("rev-parse", "--abbrev-ref", "HEAD")
    if branch != BRANCH:
        yield f"this is the branch {branch!r}, and releases are made from {BRANCH!r}"


def _problems_of_version(version: str) -> Iterator[str]:
    tags = [tag.removeprefix("v") for tag in git("tag", "--list", "v*").splitlines()]
    if version in tags:
        yield f"there is a tag v{version} already"
    released = [tag for tag in tags if re.fullmatch(r"\d+\.\d+\.\d+", tag)]
    newest = max(released, key=_parts, default=None)
    if newest is not None and _parts(newest) > _parts(version):
        yield f"{VERSION} says {version!r}, and {newest} has been released"


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _problems_of_changelog(version: str) -> Iterator[str]:
    text = (ROOT / CHANGELOG).read_text("utf-8")
    headings = list(_HEADING.finditer(text))
    if not headings or headings[0][1] != version:
        named = headings[0][1] if headings else "nothing"
        yield f"{CHANGELOG} begins with {named!r}, and {VERSION} says {version!r}"
        return
    if headings[0][2] != UNRELEASED:
        yield f"the first heading of {CHANGELOG} is {headings[0][0]!r}, not '## {version} ({UNRELEASED})'"
    end = headings[1].start() if len(headings) > 1 else len(text)
    if "\n- " not in text[headings[0].end() : end]:
        yield f"{CHANGELOG} says nothing about {version}"
    for heading in headings[1:]:
        if not _DATE.fullmatch(heading[2] or ""):
            yield f"the heading {heading[0]!r} of {CHANGELOG} has no date"


def _problems_of_readme(version: str) -> Iterator[str]:
    text = (ROOT / README).read_text("utf-8")
    if "not yet released" in text:
        yield f"{README} says that it is not yet released"
    series = version.rpartition(".")[0]
    if "## Security" not in text or f"release of {series}" not in text:
        yield f"{README} has no part about security that names the series {series!r}"


def release(version: str, options: argparse.Namespace) -> None:
    """Build the bundle, run the checks, date the changelog, commit and tag.

    The bundle comes first: a missing wheel or a wrong key is known before the checks, which take long, and it is made of what
    is committed, whatever somebody edits meanwhile.

    Raises:
        ReleaseError: If something of it fails; then there is no bundle.
    """
    output: Path = options.do
    if output.exists():
        raise ReleaseError(f"{str(output)!r} exists")
    if output.resolve().is_relative_to(ROOT.resolve()):
        raise ReleaseError(f"{str(output)!r} lies in the checkout, which would no longer be clean")
    print(f"1. bundle in {output}", flush=True)
    build_bundle(output, options)
    try:
        print(f"2. {' '.join(CHECKS)}", flush=True)
        check()
        print(f"3. commit and tag v{version}", flush=True)
        commit_and_tag(version, options.date)
    except BaseException:
        shutil.rmtree(output, ignore_errors=True)
        raise
    print(f"Released {version}, here only; push it: git push origin {BRANCH} v{version}")


def check() -> None:
    """Run the checks.

    Raises:
        ReleaseError: If they fail, or the checkout is not as it was.
    """
    if run([sys.executable, *CHECKS], is_shown=True).returncode:
        raise ReleaseError("the checks fail")
    changed = git("status", "--porcelain").splitlines()
    if changed:
        raise ReleaseError(f"the checks have changed the checkout: {changed[0].strip()!r}")


def build_bundle(output: Path, options: argparse.Namespace) -> None:
    """Build the bundle, with the day of the release as its time.

    Raises:
        ReleaseError: If it cannot be built; the reason was printed.
    """
    words = [str(output), "--wheels", str(options.wheels)]
    words += [word for python in options.pythons or () for word in ("--python", python)]
    words += [] if options.key is None else ["--key", str(options.key)]
    noon = datetime.datetime.combine(options.date, datetime.time(12), datetime.UTC)
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = str(int(noon.timestamp()))
    try:
        if bundle.main(words):
            raise ReleaseError("there is no bundle")
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before


def commit_and_tag(version: str, day: datetime.date) -> None:
    """Put the day into the changelog, commit that and tag the commit.

    Raises:
        ReleaseError: If git refuses; the checkout is then as it was.
    """
    before = git("rev-parse", "HEAD")
    path = ROOT / CHANGELOG
    text = path.read_text("utf-8")
    try:
        path.write_text(text.replace(f"({UNRELEASED})", f"({day.isoformat()})", 1), "utf-8")
        git("commit", "--quiet", "--message", f"Release {version}", "--", CHANGELOG)
        git("tag", "--annotate", f"v{version}", "--message", f"OpenViper {version}")
    except BaseException:
        git("reset", "--quiet", "--soft", before)
        git("reset", "--quiet", "--", CHANGELOG)
        path.write_text(text, "utf-8")
        raise


def git(*words: str) -> str:
    """Run git in the checkout and return what it prints.

    Raises:
        ReleaseError: If it fails, with the last line it said.
    """
    result = run(["git", *words])
    if result.returncode:
        last = (result.stderr or result.stdout).strip().rpartition("\n")[2]
        raise ReleaseError(f"git {words[0]} failed: {last}")
    return result.stdout.rstrip("\n")


def run(command: Sequence[str], *, is_shown: bool = False) -> subprocess.CompletedProcess[str]:
    """Run another program in the checkout.

    Args:
        command: The program and its arguments.
        is_shown: Whether what it prints is shown and not kept.

    Raises:
        ReleaseError: If it is not there.
    """
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=not is_shown, text=True)
    except FileNotFoundError as error:
        raise ReleaseError(f"the program {command[0]!r} is not installed") from error


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
