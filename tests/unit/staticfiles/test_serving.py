"""What a project's application serves while it is developed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper
from openviper.exceptions import ImproperlyConfigured
from openviper.staticfiles import collect_static, is_media_enabled, is_static_enabled, media, static
from openviper.staticfiles.finders import discover_app_static_dirs, register_app_locator
from openviper.staticfiles.serving import local_prefix
from openviper.testing import override_openviper_settings
from tests.projects import write


def chosen(source: Path, **more: Any) -> Any:
    """Return a block with settings for a directory of static files and uploads beside it."""
    values = {
        "STATICFILES_DIRS": (str(source),),
        "STATIC_ROOT": "collected",
        "MEDIA_ROOT": "uploads",
        "MIDDLEWARE": (),
    }
    return override_openviper_settings(**values, **more)


async def status(app: OpenViper, path: str) -> int:
    """Return the status of the answer to a request."""
    return (await app.test_client().get(path)).status_code


async def test_nothing_is_served_before_it_was_asked_for(source: Path) -> None:
    assert not is_static_enabled() and not is_media_enabled()
    write(Path("uploads"), {"a.txt": "upload"})
    with chosen(source):
        assert await status(OpenViper(debug=True), "/static/robots.txt") == 404
        assert static() == []
        assert is_static_enabled() and not is_media_enabled()
        app = OpenViper(debug=True)
        assert (await status(app, "/static/robots.txt"), await status(app, "/media/a.txt")) == (
            200,
            404,
        )
        assert media() == [] and is_media_enabled()
        assert await status(OpenViper(debug=True), "/media/a.txt") == 200


async def test_static_files_are_asked_for_each_time_and_uploads_are_downloads(source: Path) -> None:
    static(), media()
    write(Path("uploads"), {"a.html": "<script>"})
    with chosen(source):
        client = OpenViper(debug=True).test_client()
        assert (await client.get("/static/robots.txt")).headers["cache-control"] == "no-cache"
        assert (await client.get("/media/a.html")).headers[
            "content-disposition"
        ] == 'attachment; filename="a.html"'


async def test_nothing_is_served_without_debug_or_in_production(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    static()
    with chosen(source):
        assert await status(OpenViper(debug=False), "/static/robots.txt") == 404
        for variable in ("OPENVIPER_ENV", "ENVIRONMENT"):
            with monkeypatch.context() as patch:
                patch.setenv(variable, "production")
                assert await status(OpenViper(debug=True), "/static/robots.txt") == 404


async def test_what_is_served_is_what_would_be_collected(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["robots.txt", "both.txt", "second.txt"]
    write(source, {"robots.txt": "project"})
    write(tmp_path / "apps", {
        "first_app/__init__.py": "", "first_app/static/robots.txt": "first", "first_app/static/both.txt": "first",
        "second_app/__init__.py": "", "second_app/static/both.txt": "second", "second_app/static/second.txt": "second",
    })  # fmt: skip
    monkeypatch.syspath_prepend(tmp_path / "apps")
    static()
    with chosen(source, INSTALLED_APPS=("first_app", "second_app")):
        client = OpenViper(debug=True).test_client()
        served = [(await client.get(f"/static/{name}")).text for name in names]
        collect_static([source], tmp_path / "collected")
    assert served == ["project", "first", "second"]
    assert [(tmp_path / "collected" / name).read_text() for name in names] == served


async def test_what_was_collected_is_served_last(source: Path) -> None:
    static()
    write(Path("collected"), {"robots.txt": "old", "only.txt": "there"})
    with chosen(source):
        client = OpenViper(debug=True).test_client()
        assert (await client.get("/static/robots.txt")).text == "all"
        assert (await client.get("/static/only.txt")).text == "there"


async def test_the_application_follows_changed_settings(source: Path, tmp_path: Path) -> None:
    static()
    app = OpenViper(debug=True)
    with chosen(source):
        assert await status(app, "/static/robots.txt") == 200
    with chosen(write(tmp_path / "empty", {"x": ""})):
        assert await status(app, "/static/robots.txt") == 404


@pytest.mark.parametrize(
    "urls",
    [
        {"STATIC_URL": "/"},
        {"MEDIA_URL": "/"},
        {"STATIC_URL": "/x/", "MEDIA_URL": "/x"},
    ],
)
async def test_prefixes_that_hide_everything_or_each_other_are_refused(
    source: Path, urls: dict[str, str]
) -> None:
    static(), media()
    with chosen(source, **urls), pytest.raises(ImproperlyConfigured, match="_URL"):
        await status(OpenViper(debug=True), "/static/robots.txt")


async def test_one_prefix_may_lie_below_the_other(source: Path) -> None:
    static(), media()
    write(Path("uploads"), {"a.txt": "upload"})
    with chosen(source, MEDIA_URL="/static/uploads/"):
        app = OpenViper(debug=True)
        assert (
            await status(app, "/static/robots.txt"),
            await status(app, "/static/uploads/a.txt"),
        ) == (200, 200)


def test_addresses_of_other_servers_are_not_served_here() -> None:
    assert local_prefix("STATIC_URL", "https://files.example.com/static/") is None
    assert local_prefix("STATIC_URL", "//files.example.com/") is None
    assert local_prefix("STATIC_URL", "static") == "/static"


def test_the_directory_of_an_app_counts_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps = write(tmp_path / "apps", {"one_app/__init__.py": "", "one_app/static/a": "", "two_app/__init__.py": "",
                                     "three_app/__init__.py": ""})  # fmt: skip
    (apps / "two_app/static").symlink_to(apps / "one_app/static")
    monkeypatch.syspath_prepend(apps)
    with override_openviper_settings(
        INSTALLED_APPS=("three_app", "one_app", "two_app", "one_app", "not_there_")
    ):
        assert discover_app_static_dirs() == (apps / "one_app/static",)


def test_apps_that_cannot_be_imported_are_asked_of_the_locator(tmp_path: Path) -> None:
    write(tmp_path / "hidden", {"static/a": ""})
    register_app_locator(lambda name: str(tmp_path / name) if name == "hidden" else None)
    with override_openviper_settings(INSTALLED_APPS=("hidden", "unknown")):
        assert discover_app_static_dirs() == (tmp_path / "hidden/static",)
