"""Providers are found by the ids of their models, from code, settings, files and installed packages."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.ai import ModelCollisionError, ModelNotFoundError, ProviderRegistry
from openviper.ai.registry import resolve_provider_class
from openviper.exceptions import ImproperlyConfigured
from openviper.testing import override_openviper_settings as override
from tests.unit.ai.fakes import Fake


@pytest.fixture
def registry() -> ProviderRegistry:
    """Return a registry of the test's own."""
    return ProviderRegistry()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a directory that modules are imported from."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_provider_has_its_models(registry: ProviderRegistry) -> None:
    provider = Fake({"models": ["b", "a"]})
    registry.register_provider(provider)
    assert registry.list_models() == ["a", "b"]
    assert registry.get_by_model("b") is provider
    assert registry.list_provider_names() == ["fake"]


def test_an_unknown_model_is_an_error_that_names_the_others(registry: ProviderRegistry) -> None:
    registry.register_provider(Fake({"model": "a"}))
    with pytest.raises(ModelNotFoundError, match="'x'; available: a"):
        registry.get_by_model("x")
    with pytest.raises(ModelNotFoundError):
        registry.unregister("x")


def test_a_provider_without_a_model_is_refused(registry: ProviderRegistry) -> None:
    with pytest.raises(ValueError, match="'fake' names no model"):
        registry.register_provider(Fake({}))


@pytest.mark.parametrize("given", ["fake", Fake, [Fake({"model": "a"})]])
def test_what_is_no_provider_is_refused(registry: ProviderRegistry, given: Any) -> None:
    with pytest.raises(TypeError, match="is not a provider"):
        registry.register_provider(given)
    assert registry.list_models() == []


def test_a_model_is_taken_over_with_a_warning(
    registry: ProviderRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = Fake({"model": "a"}, "first"), Fake({"model": "a"}, "second")
    registry.register_provider(first)
    registry.register_provider(first)
    assert not caplog.records
    registry.register_provider(second)
    assert registry.get_by_model("a") is second
    assert "model 'a' of provider 'first' is taken over by 'second'" in caplog.text


def test_nothing_is_registered_where_one_model_is_taken(registry: ProviderRegistry) -> None:
    registry.register_provider(Fake({"model": "b"}, "first"))
    with pytest.raises(ModelCollisionError) as caught:
        registry.register_provider(Fake({"models": ["a", "b"]}, "second"), allow_override=False)
    assert caught.value.model == "b" and caught.value.existing_provider == "first"
    assert registry.list_models() == ["b"]


def test_one_model_can_be_forgotten(registry: ProviderRegistry) -> None:
    registry.register_provider(Fake({"models": ["a", "b"]}))
    registry.unregister("a")
    assert registry.list_models() == ["b"]


def test_threads_may_register_at_once(registry: ProviderRegistry) -> None:
    def work(number: int) -> None:
        for index in range(50):
            registry.register_provider(Fake({"model": f"{number}-{index}"}))
            registry.list_models()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry.list_models()) == 200


async def test_closing_goes_on_after_a_failure(
    registry: ProviderRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Fake):
        async def close(self) -> None:
            raise OSError("broken")

    good = Fake({"models": ["b", "c"]})
    registry.register_provider(Broken({"model": "a"}))
    registry.register_provider(good)
    await registry.close()
    assert good.closed == 1 and "could not be closed" in caplog.text


# Modules and files

MODULE = "from tests.unit.ai.fakes import Fake\n"


@pytest.mark.parametrize(
    "text",
    [
        "PROVIDERS = [Fake({'model': 'a'})]",
        "PROVIDERS = Fake({'model': 'a'})",
        "PROVIDERS = (Fake({'model': 'a'}),)",
        "def get_providers(): return Fake({'model': 'a'})",
        "def get_providers(): yield Fake({'model': 'a'})",
        "PROVIDERS = 7\ndef get_providers(): return [Fake({'model': 'a'})]",
    ],
)
def test_a_module_may_give_its_providers_in_several_forms(
    registry: ProviderRegistry, folder: Path, text: str
) -> None:
    (folder / "ai_module.py").write_text(MODULE + text)
    assert registry.register_from_module("ai_module") == 1
    assert registry.list_models() == ["a"]


@pytest.mark.parametrize(
    "text", ["", "PROVIDERS = 7", "PROVIDERS = 'abc'", "PROVIDERS = [7]", "PROVIDERS = {'a': 1}"]
)
def test_a_module_with_something_else_is_refused(
    registry: ProviderRegistry, folder: Path, text: str
) -> None:
    (folder / "ai_module.py").write_text(MODULE + text)
    with pytest.raises(TypeError, match="ai_module"):
        registry.register_from_module("ai_module")
    assert registry.list_models() == []


def test_plugins_of_a_directory(
    registry: ProviderRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "one.py").write_text(MODULE + "PROVIDERS = [Fake({'model': 'a'})]")
    (tmp_path / "two.py").write_text(MODULE + "PROVIDERS = [Fake({'models': ['b', 'c']})]")
    (tmp_path / "json.py").write_text("raise OSError('broken')")
    (tmp_path / "_hidden.py").write_text("raise SystemExit")
    path = list(sys.path)
    assert registry.load_plugins(tmp_path) == 2
    assert registry.list_models() == ["a", "b", "c"]
    assert "json.py" in caplog.text and "broken" in caplog.text
    assert sys.path == path and "one" not in sys.modules
    assert sys.modules["json"].__file__ != str(tmp_path / "json.py")


def test_plugins_of_no_directory(
    registry: ProviderRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert registry.load_plugins(tmp_path / "nowhere") == 0
    assert "nowhere" in caplog.text
    with pytest.raises(ValueError, match=r"'\.\.'"):
        registry.load_plugins(tmp_path / ".." / "x")


# Settings


def configured(**entries: Any) -> Any:
    """Set `AI_PROVIDERS`, turned on."""
    return override(ENABLE_AI_PROVIDERS=True, AI_PROVIDERS=entries)


FAKE = "tests.unit.ai.fakes.Fake"


def test_settings_are_loaded_when_something_is_asked_for(registry: ProviderRegistry) -> None:
    with configured(local={"provider": FAKE, "model": "a", "more": 1}):
        assert registry.list_models() == ["a"]
        config = registry.get_by_model("a").config
    assert config == {"model": "a", "more": 1, "alias": "local"}


def test_nothing_is_loaded_unless_it_is_turned_on(
    registry: ProviderRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with override(
        ENABLE_AI_PROVIDERS=False, AI_PROVIDERS={"local": {"provider": FAKE, "model": "a"}}
    ):
        assert registry.list_models() == []
        assert registry.list_models() == []
    assert caplog.text.count("ENABLE_AI_PROVIDERS is off") == 1


def test_after_a_reset_settings_are_loaded_again(registry: ProviderRegistry) -> None:
    registry.register_provider(Fake({"model": "mine"}))
    with configured(local={"provider": FAKE, "model": "a"}):
        assert registry.list_models() == ["a", "mine"]
    registry.reset()
    with configured(local={"provider": FAKE, "model": "b"}):
        assert registry.list_models() == ["b"]


def test_what_code_has_registered_wins(registry: ProviderRegistry) -> None:
    mine = Fake({"model": "a"}, "mine")
    registry.register_provider(mine)
    with configured(local={"provider": FAKE, "models": ["a", "b"]}):
        assert registry.get_by_model("a") is mine
        assert registry.get_by_model("b") is not mine


def test_a_class_or_a_factory_by_its_path(registry: ProviderRegistry, folder: Path) -> None:
    (folder / "ai_factories.py").write_text(
        MODULE + "def one(config): return Fake(config)\n"
        "def several(config): return [Fake({'model': 'x'}), Fake({'model': 'y'})]\n"
        "def none(): return Fake({'model': 'z'})\n"
    )
    with configured(
        a={"provider": "ai_factories:one", "model": "a"},
        b={"provider": "ai_factories.several"},
        c={"provider": "ai_factories:none"},
    ):
        assert registry.list_models() == ["a", "x", "y", "z"]


def test_a_configuration_that_nobody_takes_is_no_silence(
    registry: ProviderRegistry, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "ai_factories.py").write_text(MODULE + "def none(): return Fake({'model': 'z'})\n")
    with configured(c={"provider": "ai_factories:none", "model": "other"}):
        assert registry.list_models() == []
    assert "takes no configuration, so model would be ignored" in caplog.text


def test_the_type_may_stand_in_the_name(registry: ProviderRegistry) -> None:
    with configured(**{"ollama": {"model": "a"}, "My-OpenAI-2": {"model": "b", "api_key": "k"}}):
        assert registry.get_by_model("a").name == "ollama"
        assert registry.get_by_model("b").name == "openai"
        assert registry.list_provider_names() == ["My-OpenAI-2", "ollama"]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"model": "m"}, "it has no 'provider', and its name is none of ollama, openai"),
        ({"provider": "olama", "model": "m"}, "did you mean 'ollama'?"),
        ({"provider": 7}, "its 'provider' is 7, not a type or dotted path"),
        ({"provider": "", "model": "m"}, "its 'provider' is '', not a type"),
        ({"provider": "nowhere.Class"}, "No module named 'nowhere'"),
        ({"provider": "tests.unit.ai.fakes.Nope"}, "has no 'Nope'"),
        ({"provider": "tests.unit.ai.fakes.__doc__"}, "neither a class nor a function"),
        ({"provider": "builtins.dict"}, "not a provider or several"),
        ({"provider": "ollama"}, "names no model"),
        ({"provider": "ollama", "model": 5}, "model holds 5, which is not the id of a model"),
        ({"provider": "ollama", "models": ["m", None, 3]}, "models holds 3"),
        ({"provider": "ollama", "models": {"small": "m", "large": ""}}, "models holds ''"),
        ({"provider": "ollama", "model": "m", "timeout": -1}, "timeout is -1"),
    ],
)
def test_an_entry_that_cannot_work_is_named_and_left_out(
    registry: ProviderRegistry,
    caplog: pytest.LogCaptureFixture,
    entry: dict[str, object],
    told: str,
) -> None:
    with configured(bad=entry, good={"provider": FAKE, "model": "a"}):
        assert registry.list_models() == ["a"]
    assert "entry 'bad' of AI_PROVIDERS is left out" in caplog.text and told in caplog.text


def test_a_constructor_that_tells_the_key_does_not_reach_the_log(
    registry: ProviderRegistry, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "ai_factories.py").write_text("def bad(config): raise ValueError(repr(config))")
    with configured(bad={"provider": "ai_factories.bad", "api_key": "hunter2"}):
        assert registry.list_models() == []
    assert "ValueError" in caplog.text and "hunter2" not in caplog.text


def test_an_entry_that_is_no_map_is_an_error(registry: ProviderRegistry) -> None:
    with configured(bad="ollama"), pytest.raises(ImproperlyConfigured, match="'bad'.*is a str"):
        registry.list_models()


# Installed packages


def install(folder: Path, text: str, module: str) -> None:
    """Put a package with an entry point into a directory."""
    info = folder / "plug-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[openviper.ai.providers]\n{text}\n")
    (folder / "ai_plug.py").write_text(MODULE + module)


def test_installed_providers_are_found(registry: ProviderRegistry, folder: Path) -> None:
    install(
        folder, "plug = ai_plug:get", "def get(): return [Fake({'models': ['a', 'p']}, 'plug')]"
    )
    with configured(local={"provider": FAKE, "model": "a"}):
        assert registry.list_models() == ["a", "p"]
        # What settings name wins.
        assert registry.get_by_model("a").config["alias"] == "local"
    assert ProviderRegistry().list_models() == []


def test_an_installed_provider_can_be_named_in_settings(
    registry: ProviderRegistry, folder: Path
) -> None:
    install(folder, "plug = ai_plug:Plug", "class Plug(Fake): pass")
    with configured(mine={"provider": "plug", "model": "p"}):
        assert registry.get_by_model("p").config["alias"] == "mine"
        assert registry.list_models() == ["p"]


def test_an_installed_class_takes_the_entry_of_its_name(
    registry: ProviderRegistry, folder: Path
) -> None:
    install(folder, "plug = ai_plug:Plug", "class Plug(Fake): pass")
    with configured(plug={"provider": FAKE, "model": "p"}):
        assert registry.discover_entrypoints() == 1
    assert registry.get_by_model("p").config == {"model": "p", "alias": "plug"}


@pytest.mark.parametrize("module", ["raise OSError('broken')", "def get(): return 7", ""])
def test_an_installed_provider_that_fails_is_left_out(
    registry: ProviderRegistry, folder: Path, caplog: pytest.LogCaptureFixture, module: str
) -> None:
    install(folder, "plug = ai_plug:get", module)
    assert registry.discover_entrypoints() == 0
    assert "entry point 'plug' is left out" in caplog.text


def test_the_class_of_a_type() -> None:
    cls = resolve_provider_class("ollama")
    assert cls is not None and cls.__name__ == "OllamaProvider"
    assert resolve_provider_class("nope") is None
