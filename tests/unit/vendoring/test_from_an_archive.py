"""Apps that lie in an archive on the path: their templates, texts, static files, schema files, patches and plug-ins."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from openviper.conf import Settings, settings
from openviper.db.patches.patch_registry import discover_patches, reset_registry
from openviper.db.schemas.fingerprint import digest
from openviper.db.schemas.schema_files import (
    discover_json_schemas,
    installed_app_directories,
    read_json_schema,
)
from openviper.i18n import gettext, override_language
from openviper.i18n.catalogue import read_po, write_mo
from openviper.i18n.translation import reset_translations
from openviper.staticfiles.finders import app_static_dirs
from openviper.template.environment import has_template, render_to_string
from openviper.vendoring.own import package_files
from tests.projects import KEY

CATALOGUE = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "cage"\nmsgstr "Käfig"\n'
PATCH = "from openviper.db.patches import db_patch\n\n\n@db_patch\nasync def feed():\n    pass\n"
SCHEMA = package_files()["openviper/auth/schemas/Role.json"]


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An archive on the path with the installed app `parrots`."""
    path = tmp_path / "apps.pyz"
    with ZipFile(path, "w") as file:
        file.writestr("parrots/__init__.py", "")
        file.writestr("parrots/templates/parrots/one.html", "{{ shout('polly') }}")
        file.writestr(
            "parrots/jinja_plugins/globals/loud.py", "def shout(text):\n    return text.upper()\n"
        )
        file.writestr("parrots/jinja_plugins/__init__.py", "")
        file.writestr("parrots/jinja_plugins/globals/__init__.py", "")
        file.writestr("parrots/locale/de/LC_MESSAGES/messages.mo", write_mo(read_po(CATALOGUE)))
        file.writestr("parrots/static/css/parrots.css", "a{}")
        file.writestr("parrots/schemas/Role.json", SCHEMA)
        file.writestr("parrots/patches/__init__.py", "")
        file.writestr("parrots/patches/first.py", PATCH)
    monkeypatch.syspath_prepend(str(path))
    chosen = Settings(
        SECRET_KEY=KEY,
        INSTALLED_APPS=("parrots",),
        TEMPLATES_DIR=str(tmp_path / "templates"),
        JINJA_PLUGINS={"enable": 1, "path": "jinja_plugins"},
    )
    monkeypatch.setattr(settings, "instance", chosen)
    reset_translations()
    yield path
    reset_translations()
    reset_registry()
    for name in [name for name in sys.modules if name.partition(".")[0] == "parrots"]:
        del sys.modules[name]


@pytest.mark.usefixtures("archive")
def test_templates_and_what_plug_ins_give_them() -> None:
    assert render_to_string("parrots/one.html") == "POLLY"
    assert not has_template("parrots/two.html")


@pytest.mark.usefixtures("archive")
def test_texts_in_another_language() -> None:
    with override_language("de"):
        assert gettext("cage") == "Käfig"


@pytest.mark.usefixtures("archive")
def test_static_files_are_had_on_the_disk() -> None:
    (folder,) = app_static_dirs(("parrots",))
    assert (folder / "css/parrots.css").read_text() == "a{}"


def test_schema_files(archive: Path) -> None:
    directories = installed_app_directories()
    assert directories == {"parrots": str(archive / "parrots")}
    assert list(discover_json_schemas(directories)) == ["auth_roles"]
    assert read_json_schema(archive / "parrots/schemas", "Role") is not None
    assert read_json_schema(archive / "parrots/schemas", "Gone") is None
    assert digest(directories, []) != digest({}, [])


@pytest.mark.usefixtures("archive")
def test_patches() -> None:
    names = [entry.name for entry in discover_patches(installed_app_directories())]
    assert "first.feed" in names


def test_a_template_is_not_read_out_of_an_archive_that_lies_among_templates(
    archive: Path, tmp_path: Path
) -> None:
    (tmp_path / "templates").mkdir()
    archive.rename(tmp_path / "templates/apps.pyz")
    assert not has_template("apps.pyz/parrots/templates/parrots/one.html")
