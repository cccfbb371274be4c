"""Which provider has which model: `provider_registry`."""

from __future__ import annotations

import enum
import hashlib
import importlib
import importlib.util
import logging
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from openviper.ai.base import AIProvider
from openviper.ai.loading import (
    ENTRYPOINT_GROUP,
    configured_entries,
    installed_providers,
    load_configured,
    providers_of,
)
from openviper.ai.providers import PROVIDER_TYPE_MAP
from openviper.exceptions import ModelCollisionError, ModelNotFoundError
from openviper.utils.importing import import_string

logger = logging.getLogger("openviper.ai")


class Source(enum.IntEnum):
    """Where a provider comes from; the higher one keeps a model that several have."""

    INSTALLED = 0
    SETTINGS = 1
    CODE = 2


class _Held(NamedTuple):
    provider: AIProvider
    source: Source


class ProviderRegistry:
    """The providers by the ids of their models; several threads may use it."""

    ENTRYPOINT_GROUP = ENTRYPOINT_GROUP

    def __init__(self) -> None:
        self._models: dict[str, _Held] = {}
        self._is_loaded = False
        self._lock = threading.RLock()

    def register_provider(self, provider: AIProvider, *, allow_override: bool = True) -> None:
        """Register a provider for each of its models.

        Args:
            provider: The provider.
            allow_override: Take over, with a warning, models that another provider has.

        Raises:
            ModelCollisionError: If another provider has one of the models, and that is not allowed; nothing is
                registered.
            ValueError: If the provider has no model.
            TypeError: If it is something else, such as a class.
        """
        given: object = provider
        if not isinstance(given, AIProvider):
            raise TypeError(f"{given!r} is not a provider")
        self._register([provider], allow_override)

    def register_from_module(self, module_path: str, *, allow_override: bool = True) -> int:
        """Register what a module has: the result of ``get_providers()``, or ``PROVIDERS``.

        Returns:
            How many providers that were.

        Raises:
            ImportError: If the module cannot be imported.
            TypeError: If it has neither, or something else in it.
            ModelCollisionError: See `register_provider`.
        """
        providers = _providers_in(importlib.import_module(module_path))
        self._register(providers, allow_override)
        return len(providers)

    def load_plugins(self, plugin_dir: str | Path, *, allow_override: bool = True) -> int:
        """Register what the files ``*.py`` of a directory have; see `register_from_module`.

        Files whose name begins with ``_`` are passed over; one that fails is logged, and the others go on.

        Returns:
            How many providers that were.

        Raises:
            ValueError: If the path holds ``..``.
        """
        directory = Path(plugin_dir)
        if ".." in directory.parts:
            raise ValueError(f"the directory {str(plugin_dir)!r} holds '..'")
        if not directory.is_dir():
            logger.warning("there is no directory %r with plug-ins", str(plugin_dir))
            return 0
        paths = [path for path in sorted(directory.glob("*.py")) if path.name[0] != "_"]
        return sum(self._load_plugin(path, allow_override) for path in paths)

    def _load_plugin(self, path: Path, allow_override: bool) -> int:
        try:
            providers = _providers_in(_load_file(path))
            self._register(providers, allow_override)
        except Exception:  # The file is the project's; it may raise anything.
            logger.exception("plug-in %r is left out", str(path))
            return 0
        return len(providers)

    def discover_entrypoints(
        self, group: str = ENTRYPOINT_GROUP, *, allow_override: bool = True
    ) -> int:
        """Register what the entry points of installed packages give; one that fails is logged.

        Returns:
            How many providers that were.
        """
        registered = 0
        for name, providers in installed_providers(group, configured_entries()):
            try:
                self._register(providers, allow_override)
            except (ModelCollisionError, ValueError) as error:
                logger.warning("entry point %r is left out: %s", name, error)
            else:
                registered += len(providers)
        return registered

    def get_by_model(self, model_id: str) -> AIProvider:
        """Return the provider of a model.

        Raises:
            ModelNotFoundError: If no provider has it.
            ImproperlyConfigured: If the settings cannot be loaded.
        """
        self.ensure_loaded()
        with self._lock:
            held = self._models.get(model_id)
            if held is None:
                raise ModelNotFoundError(model_id, sorted(self._models))
            return held.provider

    def list_models(self) -> list[str]:
        """Return the ids of all models, sorted."""
        self.ensure_loaded()
        with self._lock:
            return sorted(self._models)

    def list_provider_names(self) -> list[str]:
        """Return the names of all providers, sorted."""
        return sorted({provider.provider_name() for provider in self.providers()})

    def providers(self) -> list[AIProvider]:
        """Return all providers, each once."""
        self.ensure_loaded()
        with self._lock:
            found = {id(held.provider): held.provider for held in self._models.values()}
        return list(found.values())

    def unregister(self, model_id: str) -> None:
        """Forget one model.

        Raises:
            ModelNotFoundError: If no provider has it.
        """
        self.ensure_loaded()
        with self._lock:
            if self._models.pop(model_id, None) is None:
                raise ModelNotFoundError(model_id, sorted(self._models))

    def reset(self) -> None:
        """Forget everything; the settings are loaded again when something is asked for."""
        with self._lock:
            self._models.clear()
            self._is_loaded = False

    def ensure_loaded(self) -> None:
        """Load what the settings name and what is installed, once; what code has registered before wins.

        Raises:
            ImproperlyConfigured: If the settings cannot be loaded, or an entry of `AI_PROVIDERS` is not a map.
        """
        with self._lock:
            if self._is_loaded:
                return
            entries = configured_entries()
            self._is_loaded = True
            self._add_loaded(load_configured(entries), Source.SETTINGS)
            if entries:
                for _, providers in installed_providers(self.ENTRYPOINT_GROUP, entries):
                    self._add_loaded(providers, Source.INSTALLED)

    async def close(self) -> None:
        """Close every provider that is registered; one that fails is logged, and the others go on."""
        with self._lock:
            providers = {id(held.provider): held.provider for held in self._models.values()}
        for provider in providers.values():
            try:
                await provider.close()
            except Exception:  # It may be a provider of others.
                logger.exception("provider %r could not be closed", provider.provider_name())

    def _register(self, providers: Iterable[AIProvider], allow_override: bool) -> None:
        wanted = [(model, provider) for provider in providers for model in _models_of(provider)]
        with self._lock:
            for model, provider in wanted:
                self._check_collision(model, provider, allow_override)
            self._models |= {model: _Held(provider, Source.CODE) for model, provider in wanted}

    def _check_collision(self, model: str, provider: AIProvider, allow_override: bool) -> None:
        held = self._models.get(model)
        if held is None or held.provider is provider:
            return
        if not allow_override:
            existing = held.provider.provider_name()
            raise ModelCollisionError(model, existing, provider.provider_name())
        _warn_of_override(model, held.provider, provider)

    def _add_loaded(self, providers: Iterable[AIProvider], source: Source) -> None:
        for provider in providers:
            try:
                models = _models_of(provider)
            except ValueError as error:
                logger.warning("%s", error)
                continue
            for model in models:
                self._add_model(model, _Held(provider, source))

    def _add_model(self, model: str, held: _Held) -> None:
        present = self._models.get(model)
        if present is not None and present.source > held.source:
            return
        if present is not None:
            _warn_of_override(model, present.provider, held.provider)
        self._models[model] = held


def _warn_of_override(model: str, before: AIProvider, now: AIProvider) -> None:
    logger.warning(
        "model %r of provider %r is taken over by %r",
        model,
        before.provider_name(),
        now.provider_name(),
    )


def _models_of(provider: AIProvider) -> list[str]:
    models = provider.supported_models()
    if not models and provider.default_model:
        models = [provider.default_model]
    if not models:
        raise ValueError(f"provider {provider.provider_name()!r} names no model")
    return models


def _providers_in(module: ModuleType) -> list[AIProvider]:
    source = f"module {module.__name__!r}"
    make = getattr(module, "get_providers", None)
    if callable(make):
        return providers_of(make(), source)
    if hasattr(module, "PROVIDERS"):
        return providers_of(module.PROVIDERS, source)
    raise TypeError(f"{source} has neither get_providers() nor PROVIDERS")


def _load_file(path: Path) -> ModuleType:
    """Run a file as a module of a name that nobody else has."""
    resolved = path.resolve()
    digest = hashlib.sha256(str(resolved).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    name = f"_openviper_ai_plugin_{digest}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, resolved)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look the module of a class up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def resolve_provider_class(kind: str) -> type[AIProvider] | None:
    """Return the class of a built-in type such as ``ollama``, or `None` if there is no such type."""
    path = PROVIDER_TYPE_MAP.get(kind)
    if path is None:
        return None
    found: type[AIProvider] = import_string(path)
    return found


provider_registry = ProviderRegistry()
"""The registry of the project."""
