"""Environment variables that look like settings and are none: a misspelt one would leave the setting as it is."""

from __future__ import annotations

import logging
import os

from openviper.conf.base import Settings

logger = logging.getLogger("openviper.conf")

PREFIX = "OPENVIPER_"
OWN_VARIABLES = frozenset(
    "APPLICATION DOTENV DOTENV_NAMES ENV GENERATED_SECRET_KEY SETTINGS_MODULE STARTUP_FAILURE TARGET TRACEBACK "
    "SUPERUSER_EMAIL SUPERUSER_PASSWORD SUPERUSER_USERNAME USER_EMAIL USER_PASSWORD USER_USERNAME "
    "TEST_APP TEST_CREATE_DB TEST_REUSE_DB".split()
)
"""What commands and processes of ours take from the environment beside settings, without the prefix."""


def report_misspelt(instance: Settings) -> None:
    """Write a warning for each variable whose name is nearly that of a setting. Values are not shown."""
    known = OWN_VARIABLES | instance.__dataclass_fields__.keys()
    given = [name.removeprefix(PREFIX) for name in os.environ if name.startswith(PREFIX)]
    unknown = sorted(set(given) - known)
    if not unknown:
        return
    # Late: `difflib` takes longer than all of the settings.
    from difflib import get_close_matches

    for name in unknown:
        nearest = get_close_matches(name, known, n=1, cutoff=0.8)
        if nearest:
            logger.warning(
                "environment variable %s%s names no setting and has no effect; did you mean %s%s?",
                PREFIX,
                name,
                PREFIX,
                nearest[0],
            )
