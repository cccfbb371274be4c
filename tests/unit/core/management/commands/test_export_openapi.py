"""`export-openapi`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openviper.core.management.base import CommandError
from openviper.core.management.command_lookup import find_builtin
from openviper.routing import Router

APP = "tests.unit.api.shop:app"


def export(**options: object) -> None:
    command = find_builtin("export-openapi")
    command.handle(**{"app": APP, "host": None, "output": None, "check": None, **options})


@pytest.fixture(autouse=True)
def _application(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.unit.api import shop

    monkeypatch.setattr(shop, "app", shop.make_app(), raising=False)


def test_the_document_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    export()
    document = json.loads(capsys.readouterr().out)
    assert document["info"]["title"] == "Shop"
    assert "/upload" in document["paths"]


def test_the_document_is_written_and_compared(tmp_path: Path) -> None:
    path = tmp_path / "api.json"
    export(output=str(path))
    export(check=str(path))
    path.write_text(path.read_text().replace("Shop", "Other"))
    with pytest.raises(CommandError, match=r"api.json' is not the document"):
        export(check=str(path))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"check": "gone.json"}, "No such file.*gone.json"),
        ({"output": "gone/api.json"}, "No such file.*gone"),
        ({"app": "tests.unit.api.shop:make_app"}, "is no OpenViper application but 'function'"),
        ({"app": "tests.nothing:app"}, "tests.nothing:app"),
    ],
)
def test_what_cannot_be_done_is_one_error(
    options: dict[str, object], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=reason):
        export(**options)


def test_a_document_can_be_that_of_one_host(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.unit.api import shop

    app = shop.make_app()
    for host in ("a.example.org", "b.example.org"):
        own = Router(host=host)
        own.get("/same", name=host)(lambda request: 1)
        app.include_router(own)
    monkeypatch.setattr(shop, "app", app)
    with pytest.raises(CommandError, match=r"'a.example.org' .* and 'b.example.org'"):
        export()
    export(host="b.example.org")
    told = json.loads(capsys.readouterr().out)["paths"]["/same"]["get"]
    assert told["operationId"] == "b_example_org"
    assert told["servers"] == [{"url": "//b.example.org"}]
