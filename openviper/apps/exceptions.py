"""Errors of the lifecycle hooks of apps."""

from __future__ import annotations

from collections.abc import Sequence

from openviper.exceptions import OpenViperException


class AppLifecycleError(OpenViperException):
    """The root of the errors of lifecycle hooks."""


class AppLifecycleConfigError(AppLifecycleError):
    """A hook is not callable, or asynchronous where it must not be, or the other way round."""


class AppLifecycleImportError(AppLifecycleError):
    """An app, or its `lifecycle` module, exists and cannot be imported; or the app does not exist."""


class AppReadyError(AppLifecycleError):
    """A `ready` hook failed."""

    def __init__(self, app_name: str, original_exception: BaseException) -> None:
        self.app_name = app_name
        self.original_exception = original_exception
        super().__init__(f"ready() of app {app_name!r} failed: {_told(original_exception)}")


class AppStartupError(AppLifecycleError):
    """A `startup` hook failed; the apps started before it have been shut down."""

    def __init__(
        self,
        app_name: str,
        original_exception: BaseException,
        shutdown_errors: Sequence[tuple[str, BaseException]] = (),
    ) -> None:
        self.app_name = app_name
        self.original_exception = original_exception
        self.shutdown_errors = list(shutdown_errors)
        super().__init__(f"startup() of app {app_name!r} failed: {_told(original_exception)}")


class AppShutdownError(AppLifecycleError):
    """One or more `shutdown` hooks failed; all of them have run."""

    def __init__(self, errors: Sequence[tuple[str, BaseException]]) -> None:
        self.errors = list(errors)
        listed = "; ".join(
            f"shutdown() of app {name!r} failed: {_told(error)}" for name, error in self.errors
        )
        super().__init__(listed)


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
