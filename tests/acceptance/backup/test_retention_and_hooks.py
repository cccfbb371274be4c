"""Names that go on, rules of what remains, what happens afterwards, and media files, on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.acceptance.backup.project import SETTINGS, make_project, run
from tests.unit.backup.builders import make_database, names_in

HOOKS = '''
"""What the project does with its backups."""


def note(result):
    with open("told", "a") as file:
        file.write(f"{result.path.name}\\n")


async def fail(result):
    raise OSError("the other site does not answer")
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_project(tmp_path)
    make_database(tmp_path / "db.sqlite3", ("Ada", "Grace"))
    return tmp_path


def with_after(project: Path, function: str) -> None:
    (project / "hooks.py").write_text(HOOKS)
    (project / "settings.py").write_text(
        SETTINGS
        + f'    BACKUP: dict = dataclasses.field(default_factory=lambda: {{"after": "{function}"}})\n'
    )


def archives(project: Path) -> list[str]:
    return sorted(path.name for path in (project / "backup").glob("*.tar.gz"))


def test_the_same_name_works_every_night(project: Path) -> None:
    for _ in range(3):
        assert run(project, "backup-db", "--name", "nightly").returncode == 0
    names = archives(project)
    assert len(names) == 3
    assert all(re.fullmatch(r"nightly_\d{8}-\d{6}(-\d)?\.tar\.gz", name) for name in names)


def test_keep_counts_the_results_of_one_name_alone(project: Path) -> None:
    assert run(project, "backup-db").returncode == 0
    for _ in range(3):
        assert run(project, "backup-db", "--name", "nightly", "--keep", "1").returncode == 0
    names = archives(project)
    assert [name.partition("_")[0] for name in names] == ["db", "nightly"]


def age(project: Path, days: int) -> None:
    """Give the newest result the name of one that was made so many days ago, at noon."""
    from datetime import UTC, datetime, timedelta

    newest = max((project / "backup").glob("db_*.tar.gz"), key=lambda path: path.stat().st_mtime_ns)
    moment = datetime.now(UTC).replace(hour=12, minute=0, second=0) - timedelta(days=days)
    name = f"db_{moment:%Y%m%d-%H%M%S}.tar.gz"
    sidecar = newest.with_name(newest.name + ".meta.json")
    meta = json.loads(sidecar.read_text()) | {"filename": name}
    newest.rename(newest.with_name(name))
    sidecar.unlink()
    (project / "backup" / f"{name}.meta.json").write_text(json.dumps(meta))


def test_days_weeks_and_ages_remain_and_a_dry_run_deletes_nothing(project: Path) -> None:
    for days in (400, 3, 2, 1):
        assert run(project, "backup-db").returncode == 0
        age(project, days)
    before = archives(project)
    rule = ["--keep-daily", "2", "--keep-within", "60h"]
    planned = run(project, "backup-db", *rule, "--dry-run")
    assert planned.returncode == 0 and archives(project) == before
    told = planned.stdout.splitlines()
    assert all(line.startswith("Would remove: ") for line in told)
    done = run(project, "backup-db", *rule, "--json")
    removed = json.loads(done.stdout)["removed"]
    assert [line.removeprefix("Would remove: ") for line in told] == removed
    assert before[0] in removed[0] and len(archives(project)) == len(before) + 1 - len(removed)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dry-run"],
        ["--keep-daily", "0"],
        ["--keep-within", "soon"],
        ["--keep-within", "0d"],
        ["--overwrite"],
        ["--overwrite", "--name", "n"],
        ["--name", "a", "--filename", "b"],
        ["--lock-timeout", "0"],
        ["--lock-timeout", "nan"],
    ],
)
def test_options_that_cannot_be_meant_are_usage_errors(project: Path, arguments: list[str]) -> None:
    done = run(project, "backup-db", *arguments)
    assert done.returncode == 2 and not (project / "backup").exists()


@pytest.mark.parametrize("name", ["exact", "exact.tar.gz"])
def test_an_exact_name_is_the_name(project: Path, name: str) -> None:
    assert run(project, "backup-db", "--filename", name).returncode == 0
    assert archives(project) == ["exact.tar.gz"]
    wrong = run(project, "backup-db", "--filename", "exact.sql")
    assert wrong.returncode == 1 and "written as '.tar.gz'" in wrong.stderr


def test_the_project_is_told_of_each_backup(project: Path) -> None:
    with_after(project, "hooks.note")
    assert run(project, "backup-db").returncode == 0
    assert (project / "told").read_text().split() == archives(project)
    make_database(project / "other.sqlite3", ("Other",))
    assert run(project, "backup-db", "--all").returncode == 0
    assert len((project / "told").read_text().split()) == 3


@pytest.mark.parametrize("arguments", [[], ["--all"], ["--json"]])
def test_a_failing_function_is_a_warning_and_code_3(project: Path, arguments: list[str]) -> None:
    with_after(project, "hooks.fail")
    make_database(project / "other.sqlite3", ("Other",))
    done = run(project, "backup-db", *arguments)
    assert done.returncode == 3 and "Traceback" not in done.stderr
    warnings = done.stderr.splitlines()
    assert all(line.startswith("Warning: ") for line in warnings)
    assert "the backup is complete, but BACKUP['after'] = 'hooks.fail' failed" in warnings[0]
    assert len(archives(project)) == (2 if "--all" in arguments else 1)


def test_a_misspelt_key_of_the_setting_is_an_error(project: Path) -> None:
    with_after(project, "hooks.note")
    settings = project / "settings.py"
    settings.write_text(settings.read_text().replace('{"after"', '{"afetr"'))
    done = run(project, "backup-db")
    assert done.returncode == 1 and "did you mean 'after'" in done.stderr
    assert not (project / "backup").exists()


def test_media_files_are_in_the_archive_when_asked_for(project: Path) -> None:
    (project / "media").mkdir()
    (project / "media" / "a.txt").write_text("kept")
    done = run(project, "backup-db", "--filename", "n", "--with-media")
    assert done.returncode == 0 and "Media:    1 files" in done.stdout
    (project / "media" / "a.txt").write_text("changed")
    restored = run(project, "restore-db", "backup/n.tar.gz", "--force", "--with-media")
    assert restored.returncode == 0 and "The media files from before are in" in restored.stdout
    assert (project / "media" / "a.txt").read_text() == "kept"
    assert names_in(project / "db.sqlite3") == ["Ada", "Grace"]


def test_a_check_says_whether_the_target_was_asked(project: Path) -> None:
    run(project, "backup-db", "--filename", "n")
    proved = run(project, "restore-db", "--check", "backup/n.tar.gz")
    assert "Backup can be restored." in proved.stdout and "would take it" in proved.stdout
    (project / "plain.sql").write_text("CREATE TABLE t (a INT);\n")
    nobody = ["--db", "postgresql://u@127.0.0.1:1/d"]
    read = run(project, "restore-db", "--check", "plain.sql", *nobody)
    assert read.returncode == 0, read.stderr
    assert "Backup is readable." in read.stdout and "does not answer" in read.stdout
    other = run(project, "restore-db", "--check", "backup/n.tar.gz", *nobody)
    assert "Backup is readable." in other.stdout and "the target is postgres" in other.stdout
