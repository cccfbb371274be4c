"""The settings proxy: publishes the project's settings when they are first asked for.

Nearly every module imports it and few read it while they are imported. What loads settings, `openviper.conf.loading` and
all it needs, is therefore imported with the first use: it takes 12 ms and 1.5 MB.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

S = TypeVar("S", bound="Settings")
if TYPE_CHECKING:
    from openviper.conf.base import Settings

    # For the type checker the proxy *is* settings, so that each name has its type and a misspelt one is an error.
    _Fields = Settings
else:
    _Fields = object


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
        from openviper.conf import loading  # See the head of the module.

        instance = loading.made_by_hand(settings_obj)
        with self.lock:
            if self.configured:
                raise RuntimeError("settings cannot be configured more than once")
            self._publish(instance)

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
            from openviper.conf import loading  # See the head of the module.

            self._publish(loading.load(again=force and self.configured))

    def typed(self, cls: type[S]) -> S:
        """Return this same proxy, which the type checker then knows the fields of the project's own class of.

        A settings module ends with ``settings = openviper_settings.typed(ProjectSettings)``, and the project imports
        `settings` from there. Nothing is loaded by it.
        """
        return cast(S, self)

    def _publish(self, instance: Settings) -> None:
        from openviper.conf import loading  # See the head of the module.

        before = self.instance, self.configured
        # In place first: what `LOGGING` names may read settings while it is imported.
        self.instance, self.configured = instance, True
        try:
            loading.put_into_effect(instance)
        except BaseException:
            self.instance, self.configured = before
            raise

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
        from openviper.conf.base import Settings  # See the head of the module.

        shown = Settings if self.instance is None else self.instance
        fields = shown.__dataclass_fields__
        return sorted({*super().__dir__(), *fields})

    def __repr__(self) -> str:
        if self.instance is None:
            return "<LazySettings [not configured]>"
        return f"<LazySettings PROJECT_NAME={self.instance.PROJECT_NAME!r} DEBUG={self.instance.DEBUG!r}>"


settings = LazySettings()
"""The settings of this process; `openviper.conf.settings` is the same."""
