"""Checks of the settings of mail."""

from __future__ import annotations

from openviper.conf import settings
from openviper.core.email.config import config_errors, email_settings
from openviper.core.email.outgoing import servers_of
from openviper.core.management.checks.findings import Finding
from openviper.exceptions import ImproperlyConfigured


def check_mail() -> list[Finding]:
    """Return the findings about `EMAIL` and the settings beside it."""
    problems = config_errors(settings.EMAIL)
    if not problems:
        try:
            servers_of(email_settings())
        except ImproperlyConfigured as error:
            problems = [str(error)]
    return [Finding("mail.E001", problem, where="EMAIL") for problem in problems]
