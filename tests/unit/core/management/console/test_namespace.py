"""The names that are there when the console starts."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from openviper.core.management.base import CommandError, NoModelsModule
from openviper.core.management.console import namespace as module
from openviper.core.management.console.namespace import Namespace

Post = type("Post", (), {"__module__": "blog.models"})
OtherPost = type("Post", (), {"__module__": "shop.models"})
Request = type("Request", (), {"__module__": "shop.models"})
Cart = type("Cart", (), {"__module__": "shop.models"})


@pytest.fixture(autouse=True)
def apps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four apps: two with models, one without, one broken."""
    models: dict[str, list[type]] = {"blog": [Post], "shop": [OtherPost, Request, Cart]}

    def import_models(app: str) -> ModuleType:
        if app == "plain":
            raise NoModelsModule("none")
        if app == "broken":
            raise CommandError("cannot import 'broken.models': ImportError: x")
        return ModuleType(app)

    def discover(found: ModuleType) -> list[type]:
        return models[found.__name__]

    monkeypatch.setattr(module, "import_models_module", import_models)
    monkeypatch.setattr(module, "models_in", discover)
    from openviper.conf import settings

    instance: Any = SimpleNamespace(
        INSTALLED_APPS=("blog", "plain", "broken", "shop"), USER_MODEL="auth.models.User"
    )
    monkeypatch.setattr(settings, "instance", instance)


def test_models_are_there_by_name_and_counted_by_app() -> None:
    names = Namespace()
    names.load_models()
    assert (names["Post"], names["Cart"]) == (Post, Cart)
    assert names.models == {"blog": ["Post"], "shop": ["Cart"]}


def test_the_first_app_keeps_a_name_and_the_clash_is_reported() -> None:
    names = Namespace()
    names.load_models()
    assert names["Post"] is Post
    assert "Post of shop is hidden by that of blog.models" in names.problems


def test_a_name_of_the_framework_is_not_taken_by_a_model() -> None:
    names = Namespace()
    names.load_models()
    assert "Request" not in names
    assert "Request of shop is hidden by OpenViper's; import it by hand" in names.problems


def test_an_app_whose_models_fail_is_a_problem_and_one_without_models_is_not() -> None:
    names = Namespace()
    names.load_models()
    assert [problem for problem in names.problems if "broken" in problem]
    assert not [problem for problem in names.problems if "plain" in problem]
