"""The settings proxy."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from openviper.conf import settings as proxy
from openviper.conf.settings import LazySettings, Settings
from openviper.exceptions import ImproperlyConfigured, SettingsValidationError

HEAD = "import dataclasses\nfrom openviper.conf import Settings\n"
CLASS = (
    "@dataclasses.dataclass(frozen=True)\nclass Mine(Settings):\n    PROJECT_NAME: str = 'Mine'\n"
)

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes a settings module and points the environment at it."""
    monkeypatch.setenv("OPENVIPER_DOTENV", "0")
    monkeypatch.delenv("OPENVIPER_ENV", raising=False)
    monkeypatch.delenv("OPENVIPER_GENERATED_SECRET_KEY", raising=False)
    monkeypatch.setenv("OPENVIPER_GENERATED_SECRET_KEY", "")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def make(body: str, name: str = "ov_conf") -> str:
        package = tmp_path / name
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        (package / "settings.py").write_text(HEAD + body)
        for module in [one for one in sys.modules if one.split(".")[0] == name]:
            del sys.modules[module]
        monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", f"{name}.settings")
        return f"{name}.settings"

    return make


def test_the_name_is_the_proxy_and_the_path_is_a_module() -> None:
    assert isinstance(proxy, LazySettings)
    assert LazySettings.__name__ in vars(sys.modules["openviper.conf.settings"])


def test_the_typed_proxy_is_the_proxy_itself_and_loads_nothing() -> None:
    lazy = LazySettings()
    assert lazy.typed(Settings) is lazy
    assert not lazy.configured


def test_the_project_class_is_loaded_on_first_use_and_its_package_installed(write: Write) -> None:
    write(CLASS + "    INSTALLED_APPS: tuple[str, ...] = ('other',)\n")
    lazy = LazySettings()
    assert repr(lazy) == "<LazySettings [not configured]>"
    assert lazy.PROJECT_NAME == "Mine"
    assert lazy.INSTALLED_APPS == ("ov_conf", "other")
    assert lazy["DEBUG"] is True
    assert "PROJECT_NAME" in dir(lazy)
    assert repr(lazy) == "<LazySettings PROJECT_NAME='Mine' DEBUG=True>"


def test_without_a_module_the_defaults_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "")
    monkeypatch.setenv("OPENVIPER_DOTENV", "0")
    lazy = LazySettings()
    assert lazy.PROJECT_NAME == "OpenViper Application"
    assert len(lazy.SECRET_KEY) == 86


def test_an_unknown_name_is_an_attribute_error_and_writing_is_refused() -> None:
    lazy = LazySettings()
    lazy.configure(Settings())
    with pytest.raises(AttributeError, match="'DEBUGG'"):
        _ = lazy.DEBUGG  # type: ignore[attr-defined]  # What is refused.
    with pytest.raises(AttributeError, match="read-only"):
        lazy.DEBUG = False  # type: ignore[misc]  # What is refused.
    with pytest.raises(AttributeError, match="read-only"):
        del lazy.DEBUG


def test_settings_are_configured_once() -> None:
    lazy = LazySettings()
    with pytest.raises(TypeError, match="dict"):
        lazy.configure({})  # type: ignore[arg-type]
    lazy.configure(Settings(PROJECT_NAME="By hand"))
    assert lazy.PROJECT_NAME == "By hand"
    with pytest.raises(RuntimeError, match="more than once"):
        lazy.configure(Settings())


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "import ov_no_such_module\n",
            "cannot import settings module 'ov_conf.settings'.*ov_no_such_module",
        ),
        ("1/0\n", "ZeroDivisionError"),
        ("", "no Settings subclass"),
        (
            "class Mine(Settings):\n    DEBUG: bool = False\n",
            "'ov_conf.settings': settings class 'Mine' is not decorated",
        ),
        (CLASS + "    DEBUG = False\n", "'ov_conf.settings': DEBUG in .* has no annotation"),
        (CLASS + "    OWN: list[str] = []\n", "mutable default"),
        (CLASS + CLASS.replace("Mine", "Yours"), "equal rank: Mine, Yours"),
    ],
)
def test_a_settings_module_that_cannot_be_used_is_explained(
    write: Write, body: str, text: str
) -> None:
    write(body)
    with pytest.raises(ImproperlyConfigured, match=text):
        LazySettings().setup()


def test_the_most_derived_class_of_the_module_wins(write: Write) -> None:
    write(
        CLASS
        + "@dataclasses.dataclass(frozen=True)\nclass Deep(Mine):\n    PROJECT_NAME: str = 'Deep'\n"
    )
    assert LazySettings().PROJECT_NAME == "Deep"


def test_a_class_defined_here_wins_over_an_imported_one(write: Write) -> None:
    write(
        CLASS
        + "@dataclasses.dataclass(frozen=True)\nclass Deep(Mine):\n    PROJECT_NAME: str = 'Deep'\n",
        "ov_base",
    )
    write("from ov_base.settings import Deep\n" + CLASS)
    assert LazySettings().PROJECT_NAME == "Mine"


def test_module_level_names_that_look_like_settings_are_reported(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write("DEBUG = False\n" + CLASS)
    with caplog.at_level(logging.WARNING, "openviper"):
        assert LazySettings().DEBUG is True
    assert "ov_conf.settings.DEBUG is ignored" in caplog.text


def test_a_missing_bare_settings_module_means_defaults_but_a_broken_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENVIPER_DOTENV", "0")
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "settings")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "settings", raising=False)
    assert LazySettings().PROJECT_NAME == "OpenViper Application"
    (tmp_path / "settings.py").write_text("import ov_no_such_module\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImproperlyConfigured, match="ov_no_such_module"):
        LazySettings().setup()


def test_a_failing_reload_keeps_the_settings_before_and_a_good_one_sees_the_change(
    write: Write,
) -> None:
    write(CLASS)
    lazy = LazySettings()
    assert lazy.PROJECT_NAME == "Mine"
    path = Path(sys.modules["ov_conf.settings"].__file__ or "")
    path.write_text("1/0")
    with pytest.raises(ImproperlyConfigured):
        lazy.setup(force=True)
    assert lazy.PROJECT_NAME == "Mine"
    path.write_text(HEAD + CLASS.replace("'Mine'", "'Other'"))
    lazy.setup(force=True)
    assert lazy.PROJECT_NAME == "Other"


def test_a_development_key_is_generated_once_for_all_processes(
    write: Write, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(CLASS)
    with caplog.at_level(logging.WARNING, "openviper"):
        first = LazySettings().SECRET_KEY
    assert "SECRET_KEY is not set" in caplog.text
    assert first not in caplog.text
    assert LazySettings().SECRET_KEY == first == os.environ["OPENVIPER_GENERATED_SECRET_KEY"]


def test_production_refuses_to_start_without_a_key(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(CLASS)
    monkeypatch.setenv("OPENVIPER_ENV", "Prod")
    with pytest.raises(SettingsValidationError, match="SECRET_KEY must be set"):
        LazySettings().setup()


BROKEN_LOGGING = (
    "    LOGGING: dict[str, object] = dataclasses.field(default_factory=lambda: {'version': 2})\n"
)


def test_when_logging_cannot_be_set_up_nothing_is_in_place(write: Write) -> None:
    write(CLASS + BROKEN_LOGGING)
    lazy = LazySettings()
    for _ in range(2):
        with pytest.raises(
            ImproperlyConfigured, match="LOGGING cannot be used: Unsupported version"
        ):
            lazy.setup()
        assert lazy.instance is None and not lazy.configured
    assert repr(lazy) == "<LazySettings [not configured]>"


def test_when_loading_again_fails_the_settings_before_stay(write: Write) -> None:
    write(CLASS)
    lazy = LazySettings()
    lazy.setup()
    before = lazy.instance
    for body in (CLASS + BROKEN_LOGGING, "x = (", "", CLASS + "    DEBUG: bool = 'maybe'\n"):
        write(body)
        with pytest.raises((ImproperlyConfigured, SettingsValidationError)):
            lazy.setup(force=True)
        assert lazy.instance is before and lazy.configured and lazy.PROJECT_NAME == "Mine"


def test_misspelt_names_are_errors_that_name_them(write: Write) -> None:
    write(CLASS)
    lazy = LazySettings()
    with pytest.raises(AttributeError, match="^there is no setting 'DEBG'$"):
        getattr(lazy, "DEBG")  # noqa: B009 - what a program does that the checker has not seen
    with pytest.raises(KeyError, match="DEBG"):
        lazy["DEBG"]
    assert lazy["DEBUG"] is lazy.DEBUG
    with pytest.raises(AttributeError, match="read-only; 'DEBUG' cannot be set"):
        setattr(lazy, "DEBUG", False)  # noqa: B010 - likewise
    with pytest.raises(AttributeError, match="read-only; 'DEBUG' cannot be deleted"):
        delattr(lazy, "DEBUG")
    assert "DEBUG" in dir(lazy) and "setup" in dir(lazy)


def test_threads_that_ask_at_once_load_once(write: Write) -> None:
    write(CLASS)
    lazy = LazySettings()
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(lazy.PROJECT_NAME)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["Mine"] * 8
