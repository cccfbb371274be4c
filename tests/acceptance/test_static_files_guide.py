"""The how-to on static files is true: its commands, code and configuration do what it says."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from openviper.staticfiles.hashed_names import hashed_name
from openviper.storage import MemoryStorage, default_storage
from openviper.template import render_to_string
from openviper.testing import override_openviper_settings
from tests.acceptance.running import ROOT, create_project, fetch, free_port, serving, succeed

GUIDE = (ROOT / "docs/how-to/static-files.md").read_text()


def blocks(kind: str) -> list[str]:
    """Return the blocks of the guide in a language."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def run_block(containing: str) -> dict[str, Any]:
    """Run the block of Python that holds a text, and return its names."""
    (code,) = (block for block in blocks("python") if containing in block)
    names: dict[str, Any] = {"__name__": "guide"}
    exec(code, names)
    return names


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with a stylesheet."""
    project = create_project("library", tmp_path_factory.mktemp("guide"))
    (project / "static/css").mkdir()
    (project / "static/css/site.css").write_text("body { margin: 0 }\n" * 100)
    return project


def test_a_new_project_serves_both_kinds_of_files_as_the_guide_says(project: Path) -> None:
    assert "route_paths += static() + media()\n" in blocks("python")[0]
    assert blocks("python")[0] in (project / "library/routes.py").read_text()
    (project / "media").mkdir()
    (project / "media/upload.txt").write_text("upload")
    port = free_port()
    words = ("viperctl.py", "start-server", "--no-reload", "--port", str(port))
    with serving(*words, cwd=project, port=port) as base:
        assert fetch(f"{base}/static/css/site.css") == (200, "body { margin: 0 }\n" * 100)
        assert fetch(f"{base}/media/upload.txt") == (200, "upload")
        assert fetch(f"{base}/static/nothing.css")[0] == 404


def test_the_commands_collect_hash_and_compress(project: Path) -> None:
    lines = [line.split() for block in blocks("sh") for line in block.splitlines()]
    assert [line[:3] for line in lines] == [["python", "viperctl.py", "collectstatic"]] * 2
    assert "static/css/site.css -> staticfiles/css/site.css" in succeed(*lines[0][1:], cwd=project)
    assert "Collected 2 static file(s)" in succeed(*lines[1][1:], cwd=project)
    names = sorted(os.listdir(project / "staticfiles/css"))
    assert len(names) == 4 and "site.css" in names and "site.css.gz" in names
    (html,) = blocks("html")
    (project / "templates/guide.html").write_text(html)
    values = {"STATIC_ROOT": str(project / "staticfiles"), "DEBUG": False}
    with override_openviper_settings(**values):
        page = render_to_string("guide.html", template_dir=project / "templates")
    assert re.search(r'href="/static/css/site\.[0-9a-f]{12}\.css"', page)


def test_every_option_of_the_command_is_in_the_guide(project: Path) -> None:
    usage = succeed("viperctl.py", "collectstatic", "--help", cwd=project)
    assert [option for option in set(re.findall(r"--[a-z-]+", usage)) - {"--help"} if f"{option}`" not in GUIDE
            and f"{option} " not in GUIDE] == []  # fmt: skip


def test_the_web_servers_configuration_fits_what_is_collected() -> None:
    (config,) = blocks("nginx")
    assert config.count("{") - config.count("{12}") == config.count("}") - config.count("{12}")
    pattern = re.search(r'"~(.*?)" ', config)
    assert pattern is not None
    assert re.search(pattern[1], "/static/" + hashed_name("css/site.css", "3f2a9c01b7de"))
    assert not re.search(pattern[1], "/static/css/site.css")
    hidden = re.search(r"location ~ (\S+) ", config)
    assert hidden is not None
    assert re.search(hidden[1], "/static/.openviper-static.json") and re.search(
        hidden[1], "/media/a/.x.partial"
    )
    assert not re.search(hidden[1], "/static/css/site.css")


def test_the_application_can_send_the_collected_files_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    (tmp_path / "staticfiles").mkdir()
    (tmp_path / "staticfiles/a.txt").write_text("a")
    app = run_block("StaticFilesMiddleware")["app"]
    with override_openviper_settings(DEBUG=False, MIDDLEWARE=()):
        assert asyncio.run(app.test_client().get("/static/a.txt")).text == "a"


def test_an_upload_gets_the_address_of_the_guide(tmp_path: Path) -> None:
    keep = run_block("async def keep")["keep"]
    with override_openviper_settings(MEDIA_ROOT=str(tmp_path)):
        assert asyncio.run(keep(b"report")) == "/media/reports/May_2026.pdf"
        assert re.fullmatch(
            r"/media/reports/May_2026_[0-9a-f]{8}\.pdf", asyncio.run(keep(b"another"))
        )
        default_storage.configure(memory := MemoryStorage())
        try:
            asyncio.run(keep(b"third"))
        finally:
            default_storage.configure(None)
    assert list(memory.files) == ["reports/May_2026.pdf"]


def test_the_private_storage_is_private(tmp_path: Path) -> None:
    storage = run_block("PrivateStorage")["PrivateStorage"](tmp_path / "media")
    name = asyncio.run(storage.save("a/b.txt", b"x"))
    assert stat.S_IMODE((tmp_path / "media" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "media/a").stat().st_mode) == 0o700
