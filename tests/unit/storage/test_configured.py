"""The storage that the settings choose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import openviper
from openviper.db.fields import get_file_storage
from openviper.exceptions import ImproperlyConfigured
from openviper.storage import FileSystemStorage, MemoryStorage, default_storage, get_storage
from openviper.testing import override_openviper_settings


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    """Go back to the storage of the settings afterwards."""
    yield
    default_storage.configure(None)


def test_by_default_uploads_lie_in_a_directory() -> None:
    assert isinstance(get_storage(), FileSystemStorage)
    assert get_storage() is get_storage()


def test_the_setting_names_another_class() -> None:
    with override_openviper_settings(DEFAULT_FILE_STORAGE="openviper.storage.MemoryStorage"):
        assert isinstance(get_storage(), MemoryStorage)
    assert isinstance(get_storage(), FileSystemStorage)


@pytest.mark.parametrize(
    "path", ["no.such.Thing", "pathlib.Path", "openviper.storage.names.clean_name", ""]
)
def test_what_is_no_storage_is_refused_by_name(path: str) -> None:
    with (
        override_openviper_settings(DEFAULT_FILE_STORAGE=path),
        pytest.raises(ImproperlyConfigured, match="DEFAULT_FILE"),
    ):
        get_storage()


async def test_file_fields_use_the_storage_that_was_configured(tmp_path: Path) -> None:
    openviper.setup()
    memory = MemoryStorage()
    default_storage.configure(memory)
    name = await get_file_storage().save("a.txt", b"x")
    assert memory.files == {name: b"x"}
    assert await default_storage.read(name) == b"x"
    assert (await default_storage.size(name), await default_storage.exists(name)) == (1, True)
    assert await default_storage.listdir() == ([], [name])
    assert default_storage.url(name) == "/media/a.txt"
    with await default_storage.open(name) as file:
        assert file.read() == b"x"
    await default_storage.delete(name)
    assert memory.files == {}
