"""`scripts/release.py`: what stands against a release, and that it is made whole or not at all."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from scripts import bundle, release
from scripts.release import ReleaseError, main, parse, problems

CHANGELOG = (
    "# Changelog\n\n## 0.2.0 (unreleased)\n\n- All anew.\n\n## 0.1.0 (2025-01-31)\n\n- First.\n"
)
README = "# OpenViper\n\n## Security\n\nFixes come with the next release of 0.2.\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that can be released, in which nothing is built and no check runs."""
    root = tmp_path / "repository"
    (root / "openviper").mkdir(parents=True)
    (root / "openviper/version.py").write_text('VERSION = "0.2.0"\n')
    (root / "CHANGELOG.md").write_text(CHANGELOG)
    (root / "README.md").write_text(README)
    monkeypatch.setattr(release, "ROOT", root)
    monkeypatch.setattr(release, "REFERENCES", ())
    monkeypatch.setattr(release, "CHECKS", ("-c", "pass"))
    monkeypatch.setattr(bundle, "main", build)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ada@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(root)
    return root


def build(words: list[str]) -> int:
    """Stand for the making of a bundle: note when it would be of."""
    Path(words[0]).mkdir()
    (Path(words[0]) / "epoch").write_text(os.environ["SOURCE_DATE_EPOCH"])
    return 0


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "A commit")


def rewrite(root: Path, name: str, before: str, after: str) -> None:
    text = (root / name).read_text()
    assert before in text
    (root / name).write_text(text.replace(before, after))
    commit(root)


def test_looking_changes_nothing(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert main([]) == 0
    assert "0.2.0 can be released" in capsys.readouterr().out
    assert git(repository, "status", "--porcelain") == git(repository, "tag") == ""
    assert git(repository, "rev-parse", "HEAD") == head


def test_a_release_is_a_bundle_a_commit_and_a_tag(repository: Path, tmp_path: Path) -> None:
    words = ["--do", str(tmp_path / "out"), "--wheels", str(tmp_path), "--date", "2026-03-01"]
    assert main(words) == 0
    assert "## 0.2.0 (2026-03-01)\n" in (repository / "CHANGELOG.md").read_text()
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "log", "-1", "--format=%s") == "Release 0.2.0"
    assert git(repository, "rev-parse", "v0.2.0^{}") == git(repository, "rev-parse", "HEAD")
    assert git(repository, "cat-file", "-t", "v0.2.0") == "tag"
    assert (tmp_path / "out/epoch").read_text() == "1772366400"
    # Once is enough.
    assert [text for text in problems("0.2.0") if "tag" in text] == [
        "there is a tag v0.2.0 already"
    ]


@pytest.mark.parametrize(
    ("name", "before", "after", "problem"),
    [
        ("CHANGELOG.md", "## 0.2.0", "## 0.3.0", "begins with '0.3.0', and .* says '0.2.0'"),
        ("CHANGELOG.md", "unreleased", "2026-01-01", r"first heading .* not '## 0\.2\.0 \(unrel"),
        ("CHANGELOG.md", "- All anew.", "", "says nothing about 0.2.0"),
        ("CHANGELOG.md", "(2025-01-31)", "", r"the heading '## 0\.1\.0 ' .* has no date"),
        ("README.md", "Fixes", "It is not yet released. Fixes", "says that it is not yet released"),
        ("README.md", "of 0.2", "of 0.1", "no part about security that names the series '0.2'"),
    ],
)
def test_what_does_not_fit_together_is_named(
    repository: Path, name: str, before: str, after: str, problem: str
) -> None:
    rewrite(repository, name, before, after)
    with pytest.raises(ReleaseError, match=problem):
        raise ReleaseError("; ".join(problems("0.2.0")))


def test_a_changed_checkout_another_branch_and_an_older_version_are_refused(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    git(repository, "tag", "v0.10.0")
    git(repository, "tag", "v-odd")
    git(repository, "checkout", "--quiet", "-b", "side")
    (repository / "new.txt").touch()
    assert main(["--do", str(tmp_path / "out"), "--wheels", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "1 changes that are not committed: '?? new.txt'" in told
    assert "this is the branch 'side'" in told
    assert "says '0.2.0', and 0.10.0 has been released" in told
    assert not (tmp_path / "out").exists()


def test_a_reference_that_is_not_up_to_date_is_named(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "stale.py").write_text("raise SystemExit(1)")
    (repository / "fresh.py").touch()
    commit(repository)
    monkeypatch.setattr(release, "REFERENCES", ("stale.py", "fresh.py"))
    assert list(problems("0.2.0")) == ["stale.py --check fails"]


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        ("raise SystemExit(1)", "the checks fail"),
        ("open('left', 'w')", "the checks have changed the checkout: '?? left'"),
    ],
)
def test_without_checks_that_pass_nothing_is_made(
    repository: Path,
    checks: str,
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(release, "CHECKS", ("-c", checks))
    assert main(["--do", str(tmp_path / "out"), "--wheels", str(tmp_path)]) == 1
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "out").exists() and git(repository, "tag") == ""


def test_where_git_refuses_everything_is_as_it_was(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    head = git(repository, "rev-parse", "HEAD")
    # A file in the place of a folder of tags: the commit is made, the tag cannot be.
    (repository / ".git/refs/tags/v0.2.0.lock").touch()
    assert main(["--do", str(tmp_path / "out"), "--wheels", str(tmp_path)]) == 1
    assert "git tag failed" in capsys.readouterr().err
    assert git(repository, "rev-parse", "HEAD") == head
    assert git(repository, "status", "--porcelain") == ""
    assert (repository / "CHANGELOG.md").read_text() == CHANGELOG
    assert not (tmp_path / "out").exists()


def test_without_a_bundle_there_is_no_release(
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(bundle, "main", lambda _words: 1)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")
    assert main(["--do", str(tmp_path / "out"), "--wheels", str(tmp_path)]) == 1
    assert "there is no bundle" in capsys.readouterr().err
    assert os.environ["SOURCE_DATE_EPOCH"] == "7"
    assert git(repository, "tag") == git(repository, "status", "--porcelain") == ""
    (tmp_path / "out").mkdir()
    assert main(["--do", str(tmp_path / "out"), "--wheels", str(tmp_path)]) == 1
    assert "exists" in capsys.readouterr().err


def test_a_wheel_that_is_missing_is_known_before_the_checks_run(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bundle, "main", lambda _words: 1)
    monkeypatch.setattr(release, "CHECKS", ("-c", f"open({str(tmp_path / 'ran')!r}, 'w')"))
    assert main(["--do", str(tmp_path / "out"), "--wheels", str(tmp_path)]) == 1
    assert not (tmp_path / "ran").exists()


def test_a_bundle_within_the_checkout_is_refused(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["--do", str(repository / "out"), "--wheels", str(tmp_path)]) == 1
    assert "lies in the checkout" in capsys.readouterr().err
    assert git(repository, "tag") == git(repository, "status", "--porcelain") == ""


def test_sources_without_a_version_are_one_line(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "openviper/version.py").write_text("VERSION = 3\n")
    assert main([]) == 1
    assert "has no line VERSION" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--wheels", "x"],
        ["--key", "x"],
        ["--do", "x"],
        ["--date", "2026-02-30"],
        ["--date", "1.3.2026"],
    ],
)
def test_options_that_do_not_go_together_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(words)
