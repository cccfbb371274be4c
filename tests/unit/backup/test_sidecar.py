"""The sidecar."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openviper.backup.background import StopFlag, Stopped
from openviper.backup.exceptions import BackupError
from openviper.backup.sidecar import (
    BackupMetadata,
    build_metadata,
    compute_checksum,
    read_metadata,
    sidecar_path,
    write_metadata,
)
from openviper.version import VERSION


def example() -> BackupMetadata:
    return build_metadata(
        database_name="library",
        db_engine="sqlite",
        filename="library.tar.gz",
        checksum="0" * 64,
        size=5,
        content="sqlite-file",
    )


def test_metadata_names_version_and_utc_time() -> None:
    meta = example()
    assert meta["openviper_version"] == VERSION
    assert abs(datetime.fromisoformat(meta["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert meta["timestamp"].endswith("+00:00")


def test_size_and_content_are_optional() -> None:
    meta = build_metadata(database_name="a", db_engine="sqlite", filename="a", checksum="0")
    assert "size" not in meta and "content" not in meta


def test_a_sidecar_round_trips_and_is_private(tmp_path: Path) -> None:
    path = sidecar_path(tmp_path / "library.tar.gz")
    write_metadata(example(), path)
    assert path.name == "library.tar.gz.meta.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_metadata(path)["checksum"] == "0" * 64
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"db_engine": 1, "checksum": "x"}', '{"db_engine": "sqlite"}']
)
def test_what_is_no_sidecar_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "meta").write_text(text)
    with pytest.raises(BackupError, match="^Not a readable sidecar"):
        read_metadata(tmp_path / "meta")


def test_a_huge_sidecar_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "meta").write_text(json.dumps({"db_engine": "sqlite", "checksum": "0" * 2**20}))
    with pytest.raises(BackupError, match="too large"):
        read_metadata(tmp_path / "meta")


def test_the_checksum_is_the_files_sha256(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "file").write_bytes(content)
    assert compute_checksum(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_the_checksum_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    stop = StopFlag()
    stop.set()
    with pytest.raises(Stopped):
        compute_checksum(tmp_path / "file", stop=stop)
