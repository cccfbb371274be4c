"""Loading the settings for a command, with what is wrong with them as one line."""

from __future__ import annotations

import os

from openviper.apps.bootstrap import setup
from openviper.core.management.errors import describe
from openviper.exceptions import ImproperlyConfigured, SettingsValidationError
from openviper.utils.failures import CommandError
from openviper.vendoring.exceptions import VendorError


def load_settings(*, optional: bool, when_refused: bool = False) -> None:
    """Load the settings that the environment names, if it names any.

    Args:
        optional: Whether the command also runs where they cannot be used.
        when_refused: Whether the command also runs in a vendored tree that `VENDOR_CHECK` refuses.

    Raises:
        CommandError: If they cannot be used, unless they are optional.
        VendorError: If `VENDOR_CHECK` refuses the vendored tree, unless the command runs all the same.
    """
    module = os.environ.get("OPENVIPER_SETTINGS_MODULE")
    if not module:
        return
    try:
        set_up(module)
    except VendorError:
        if not when_refused:
            raise
    except CommandError:
        if not optional:
            raise


def set_up(module: str) -> None:
    """Load the settings that the environment names.

    Args:
        module: Their module, for the message.

    Raises:
        CommandError: If they cannot be used; names the module and the cause.
    """
    try:
        setup(force=True)
    except SettingsValidationError as error:
        problems = "; ".join(one.rstrip(".") for one in error.errors)
        raise CommandError(f"settings module {module!r} is not valid: {problems}") from error
    except ImproperlyConfigured as error:
        text = describe(error)
        raise CommandError(
            text if module in text else f"settings module {module!r}: {text}"
        ) from error
