"""A release made in a clone of this repository, with all checks replaced by one that passes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.carried.test_vendored_project import make_wheels

ROOT = Path(__file__).resolve().parents[3]
PERSON = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
}


@pytest.mark.one_version
def test_a_clone_is_released_with_a_bundle_a_dated_changelog_and_a_tag(tmp_path: Path) -> None:
    clone, wheels, output = tmp_path / "clone", tmp_path / "wheels", tmp_path / "out"
    wheels.mkdir()
    make_wheels(wheels)
    environment = {**os.environ, **PERSON, "GIT_CONFIG_GLOBAL": os.devnull}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=clone, env=environment, capture_output=True, text=True)

    subprocess.run(
        ["git", "clone", "--quiet", "--no-tags", "--shared", str(ROOT), str(clone)], check=True
    )
    assert run("git", "checkout", "--quiet", "-B", "main").returncode == 0
    (clone / "scripts/check.py").write_text("print('as if all were well')\n")
    readme = clone / "README.md"
    readme.write_text(readme.read_text().replace("not yet released", "released"))
    assert run("git", "commit", "--quiet", "--all", "--message", "Ready").returncode == 0
    version = "{}.{}".format(*sys.version_info[:2])
    script = (sys.executable, "scripts/release.py")
    looked = run(*script)
    assert looked.returncode == 0, looked.stderr
    words = ("--do", str(output), "--wheels", str(wheels), "--python", version)
    done = run(*script, *words, "--date", "2026-03-01")
    assert done.returncode == 0, done.stderr + done.stdout
    assert (output / "install.sh").is_file() and (output / "docs/index.html").is_file()
    assert run("git", "tag").stdout.split()[-1:] == ["v0.2.0"]
    assert "(2026-03-01)" in run("git", "show", "v0.2.0:CHANGELOG.md").stdout[:200]
    again = run(*script)
    assert again.returncode == 1 and "there is a tag v0.2.0 already" in again.stderr
