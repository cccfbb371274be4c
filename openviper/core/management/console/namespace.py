"""The names that are there when the console starts."""

from __future__ import annotations

from types import CodeType
from typing import Any

from openviper.conf import settings
from openviper.core.management.apps import import_models_module, models_in
from openviper.core.management.base import CommandError, NoModelsModule
from openviper.utils.importing import import_string

FRAMEWORK_NAMES = {
    "settings": "openviper.conf.settings",
    "OpenViper": "openviper.app.OpenViper",
    "Request": "openviper.http.Request",
    "JSONResponse": "openviper.http.JSONResponse",
    "HTMLResponse": "openviper.http.HTMLResponse",
}
"""What of OpenViper is there, with its home."""


class Namespace(dict[str, Any]):
    """The console's global names.

    Those of the framework are imported when first needed: a one-line `-c` need not wait for the web layer.

    Attributes:
        models: The names of the models by app, in order.
        problems: What a person should know: apps that cannot be imported, names that clash.
    """

    def __init__(self) -> None:
        super().__init__(__name__="__console__", __doc__=None)
        self.models: dict[str, list[str]] = {}
        self.problems: list[str] = []

    def load_names_of(self, code: CodeType) -> None:
        """Import the framework names that compiled code, functions in it included, mentions and that are not there yet.

        Raises:
            ImportError: If the home of such a name cannot be imported.
        """
        for name in code.co_names:
            if name in FRAMEWORK_NAMES and name not in self:
                self[name] = import_string(FRAMEWORK_NAMES[name])
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self.load_names_of(constant)

    def load_all_names(self) -> None:
        """Import the framework names, for completion and `dir()`; one that cannot be imported is a problem."""
        for name, path in FRAMEWORK_NAMES.items():
            try:
                self.setdefault(name, import_string(path))
            except ImportError as error:
                self.problems.append(f"{name} is not available: {error}")

    def load_models(self) -> None:
        """Import the models of all installed apps, and the user model; the first app that has a name keeps it."""
        for app in settings.INSTALLED_APPS:
            try:
                models = models_in(import_models_module(app))
            except NoModelsModule:
                continue
            except CommandError as error:
                self.problems.append(str(error))
                continue
            self.models[app] = [model.__name__ for model in models if self._add(model, app)]
        self._load_user_model(settings.USER_MODEL)

    def _load_user_model(self, path: str) -> None:
        if path.rpartition(".")[0].removesuffix(".models") not in self.models:
            return  # Its app is not installed, so it has no table.
        try:
            model = import_string(path)
        except ImportError as error:
            self.problems.append(f"cannot import the user model: {error}")
        else:
            self.setdefault(model.__name__, model)

    def _add(self, model: type[Any], app: str) -> bool:
        name = model.__name__
        if name in FRAMEWORK_NAMES:
            self.problems.append(f"{name} of {app} is hidden by OpenViper's; import it by hand")
            return False
        if self.setdefault(name, model) is not model:
            self.problems.append(f"{name} of {app} is hidden by that of {self[name].__module__}")
            return False
        return True
