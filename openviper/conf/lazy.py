"""The settings proxy: finds, checks and publishes the project's settings when they are first asked for."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import os
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, cast

from openviper.conf.base import Settings, generate_secret_key
from openviper.conf.dotenv import load_dotenv
from openviper.conf.environment import apply_env_overrides
from openviper.conf.former import former_settings_in_use
from openviper.conf.logging import configure_logging
from openviper.conf.production import is_insecure_secret_key
from openviper.conf.validation import validate_settings
from openviper.exceptions import ImproperlyConfigured
from openviper.project.deployment import environment_name, is_production
from openviper.utils.importing import is_missing

S = TypeVar("S", bound=Settings)
if TYPE_CHECKING:
    # For the type checker the proxy *is* settings, so that each name has its type and a misspelt one is an error.
    _Fields = Settings
else:
    _Fields = object

logger = logging.getLogger("openviper.conf")

GENERATED_KEY_VARIABLE = "OPENVIPER_GENERATED_SECRET_KEY"
"""Carries a generated key to worker and reloader processes, so that all of them agree on it."""
SYNTHETIC_MODULE = "_viperctl_settings"
"""The module registered for a project without settings; never an installed app."""


class SettingsLoadError(ImproperlyConfigured, RuntimeError):
    """The settings module cannot be imported or holds no settings."""


def load_settings_from_module(path: str) -> Settings | None:
    """Return an instance of the settings class in a module.

    Args:
        path: Dotted name of the module. A bare ``settings`` that does not exist means "no settings".

    Raises:
        SettingsLoadError: If the module cannot be imported, or has no settings class or several equal ones.
    """
    module = _imported(path)
    if module is None:
        return None
    cls = _settings_class(module, path)
    _report_ignored_names(module, cls)
    try:
        return cls()
    except ImproperlyConfigured as error:
        raise SettingsLoadError(f"settings module {path!r}: {error}") from None


def _imported(path: str) -> ModuleType | None:
    """Return the settings module; `None` for a bare ``settings`` that does not exist."""
    try:
        return importlib.import_module(path)
    except Exception as error:
        if path == "settings" and isinstance(error, ImportError) and is_missing(error, path):
            return None
        raise SettingsLoadError(
            f"cannot import settings module {path!r}: {type(error).__name__}: {error}"
        ) from error


def _settings_class(module: ModuleType, path: str) -> type[Settings]:
    candidates = _candidates(module)
    if not candidates:
        raise SettingsLoadError(f"module {path!r} cannot be used: no Settings subclass in it")
    best = _most_derived(candidates)
    if len(best) > 1:
        names = _names_of(best)
        raise SettingsLoadError(
            f"module {path!r} has several settings classes of equal rank: {names}"
        )
    return best[0]


def _names_of(classes: list[type[Settings]]) -> str:
    return ", ".join(cls.__name__ for cls in classes)


def _most_derived(classes: list[type[Settings]]) -> list[type[Settings]]:
    longest = max(len(cls.__mro__) for cls in classes)
    return [cls for cls in classes if len(cls.__mro__) == longest]


def _candidates(module: ModuleType) -> list[type[Settings]]:
    """Return the settings classes defined in a module, or else those it imports."""
    found = dict.fromkeys(value for value in vars(module).values() if _is_settings_class(value))
    own = [cls for cls in found if cls.__module__ == module.__name__]
    return own or list(found)


def _is_settings_class(value: object) -> TypeGuard[type[Settings]]:
    return isinstance(value, type) and issubclass(value, Settings) and value is not Settings


def _report_ignored_names(module: ModuleType, cls: type[Settings]) -> None:
    for name in vars(module):
        if name.isupper() and name in cls.__dataclass_fields__:
            logger.warning(
                "%s.%s is ignored: settings are the fields of class %s",
                module.__name__,
                name,
                cls.__name__,
            )


def auto_include_project_app(instance: Settings, module_path: str) -> Settings:
    """Put the package that the settings lie in first in `INSTALLED_APPS`, unless it is there already."""
    package = module_path.partition(".")[0]
    is_package = package not in (module_path, "settings", SYNTHETIC_MODULE)
    if not is_package or package in instance.INSTALLED_APPS:
        return instance
    return dataclasses.replace(instance, INSTALLED_APPS=(package, *instance.INSTALLED_APPS))


def _from_module(path: str) -> Settings:
    loaded = load_settings_from_module(path)
    return Settings() if loaded is None else auto_include_project_app(loaded, path)


def _with_development_key(instance: Settings, environment: str) -> Settings:
    if is_production(environment) or not is_insecure_secret_key(instance.SECRET_KEY):
        return instance
    key = os.environ.get(GENERATED_KEY_VARIABLE)
    if not key:
        key = generate_secret_key()
        os.environ[GENERATED_KEY_VARIABLE] = key
        if os.environ.get("OPENVIPER_SETTINGS_MODULE"):
            logger.warning("SECRET_KEY is not set; using a random one that changes at every start")
    return dataclasses.replace(instance, SECRET_KEY=key)


def _report_former_settings(instance: Settings) -> None:
    former = former_settings_in_use(instance)
    if former:
        listed = "; ".join(f"{name} ({advice})" for name, advice in former.items())
        logger.warning("settings of an earlier version that nothing reads any more: %s", listed)


class LazySettings(_Fields):
    """Reads like an instance of `Settings`; loads it on first use."""

    _own = frozenset({"instance", "configured", "lock"})

    def __init__(self) -> None:
        self.instance: Settings | None = None
        self.configured = False
        self.lock = threading.RLock()

    def configure(self, settings_obj: Settings) -> None:
        """Install settings made by hand; the environment does not override them.

        Raises:
            RuntimeError: If settings are in place already.
            TypeError: If `settings_obj` is not an instance of `Settings`.
        """
        if not isinstance(settings_obj, Settings):
            raise TypeError(
                f"settings must be an instance of Settings, not {type(settings_obj).__name__}"
            )
        with self.lock:
            if self.configured:
                raise RuntimeError("settings cannot be configured more than once")
            self._publish(_with_development_key(settings_obj, environment_name()))

    def setup(self, *, force: bool = False) -> None:
        """Load the settings named by `OPENVIPER_SETTINGS_MODULE`; does nothing when they are loaded already.

        Args:
            force: Load again; the settings before stay in place if that fails.

        Raises:
            ImproperlyConfigured: If the settings module cannot be used.
            SettingsValidationError: If a value is not allowed.
        """
        with self.lock:
            if self.configured and not force:
                return
            self._publish(self._load(force))

    def _load(self, force: bool) -> Settings:
        load_dotenv()
        path = os.environ.get("OPENVIPER_SETTINGS_MODULE", "").strip()
        if force and path != SYNTHETIC_MODULE and self.configured:
            sys.modules.pop(path, None)
        instance = _from_module(path) if path else Settings()
        environment = environment_name()
        instance = _with_development_key(apply_env_overrides(instance), environment)
        validate_settings(instance, environment)
        return instance

    def typed(self, cls: type[S]) -> S:
        """Return this same proxy, which the type checker then knows the fields of the project's own class of.

        A settings module ends with ``settings = openviper_settings.typed(ProjectSettings)``, and the project imports
        `settings` from there. Nothing is loaded by it.
        """
        return cast(S, self)

    def _publish(self, instance: Settings) -> None:
        self.instance = instance
        self.configured = True
        configure_logging(instance)
        _report_former_settings(instance)

    if not TYPE_CHECKING:  # A `__getattr__` would make every name known to the checker, as `Any`.

        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            if self.instance is None:
                self.setup()
            try:
                return getattr(self.instance, name)
            except AttributeError:
                raise AttributeError(f"there is no setting {name!r}") from None

    def __getitem__(self, name: str) -> Any:
        if self.instance is None:
            self.setup()
        assert self.instance is not None
        return self.instance[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and name not in self._own:
            raise AttributeError(f"settings are read-only; {name!r} cannot be set")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"settings are read-only; {name!r} cannot be deleted")

    def __dir__(self) -> list[str]:
        fields = (
            self.instance.__dataclass_fields__
            if self.instance is not None
            else Settings.__dataclass_fields__
        )
        return sorted({*super().__dir__(), *fields})

    def __repr__(self) -> str:
        if self.instance is None:
            return "<LazySettings [not configured]>"
        return f"<LazySettings PROJECT_NAME={self.instance.PROJECT_NAME!r} DEBUG={self.instance.DEBUG!r}>"


settings = LazySettings()
"""The settings of this process; `openviper.conf.settings` is the same."""
