"""The installed apps as commands see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.core.management.apps import (
    app_not_found,
    find_installed_apps,
    import_models_module,
    models_in,
)
from openviper.core.management.base import CommandError, NoModelsModule
from openviper.testing import override_openviper_settings


def test_an_installed_app_that_is_missing_is_a_warning(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = find_installed_apps()
    assert found == {"util_blog": str(installed / "util_blog")}
    assert (
        capsys.readouterr().err
        == "Warning: installed app 'util_nope' not found; did you mean 'util_blog'?\n"
    )


def test_apps_of_openviper_are_found_when_asked_for(installed: Path) -> None:
    with override_openviper_settings(INSTALLED_APPS=("openviper.auth", "util_blog")):
        assert list(find_installed_apps()) == ["util_blog"]
        assert list(find_installed_apps(with_builtin=True)) == ["openviper.auth", "util_blog"]


def test_an_unknown_label_is_told_with_places_and_the_closest_app(installed: Path) -> None:
    text = str(app_not_found("util_bog"))
    assert text.startswith("App 'util_bog' not found")
    assert "apps/util_bog/" in text and "did you mean 'util_blog'?" in text and "\n" not in text


def test_an_app_that_was_forgotten_is_told_apart_from_one_that_is_not_there(
    installed: Path,
) -> None:
    with override_openviper_settings(INSTALLED_APPS=()):
        assert "exists but not in INSTALLED_APPS" in str(app_not_found("util_blog"))
    assert "not found" in str(app_not_found("json"))


def test_models_are_imported(installed: Path) -> None:
    assert import_models_module("util_blog").x == 1


def test_an_app_without_models_is_told_apart_from_a_broken_one(installed: Path) -> None:
    (installed / "util_blog" / "models.py").unlink()
    with pytest.raises(NoModelsModule):
        import_models_module("util_blog")
    (installed / "util_blog" / "models.py").write_text("import util_missing\n")
    with pytest.raises(
        CommandError, match="cannot import 'util_blog.models'.*util_missing"
    ) as caught:
        import_models_module("util_blog")
    assert not isinstance(caught.value, NoModelsModule)


def test_the_failing_line_of_the_project_is_named(installed: Path) -> None:
    (installed / "util_blog" / "models.py").write_text(
        "from openviper.db.fields import CharField\n\nx = CharField(nul=True)\n"
    )
    with pytest.raises(CommandError) as caught:
        import_models_module("util_blog")
    assert f"({installed / 'util_blog' / 'models.py'}, line 3)" in str(caught.value)


def test_only_concrete_models_of_the_module_itself_are_its_models(installed: Path) -> None:
    (installed / "util_blog" / "models.py").write_text(
        "from openviper.auth.models import Role\n"
        "from openviper.db import Model\n\n\n"
        "class Base(Model):\n    class Meta:\n        abstract = True\n\n\n"
        "class Own(Base):\n    pass\n\n\nnumber = 1\n"
    )
    module = import_models_module("util_blog")
    assert models_in(module) == [module.Own]
