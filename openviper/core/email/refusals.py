"""What a mail server said no to, and whether it means it for good (RFC 5321, 4.2.1)."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping

from openviper.exceptions import ImproperlyConfigured

TOO_MANY_RECIPIENTS = 552
"""Of old servers, for what 452 says today: try the recipient again (RFC 5321, 4.5.3.1.10)."""


_OF_THE_SERVER = (
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPNotSupportedError,
)
"""What a server says to whoever connects, whatever the message is (RFC 5321, 3.1; RFC 7504), and what it lacks."""
_WANTS_A_LOGIN = (530, 534, 538)
"""Codes with which it asks for one, or for another (RFC 4954, 6)."""


class RecipientsRefused(smtplib.SMTPRecipientsRefused):
    """Some recipients were refused; the others get the message.

    Attributes:
        recipients: Code and text by address.
    """

    def __init__(self, refused: Mapping[str, tuple[int, str]]) -> None:
        super().__init__(
            {address: (code, text.encode()) for address, (code, text) in refused.items()}
        )
        self.refused = dict(refused)

    def __str__(self) -> str:
        codes = ", ".join(sorted({str(code) for code, _ in self.refused.values()}))
        return (
            f"{len(self.refused)} recipients were refused with {codes}; the others get the message"
        )


class ServerLacksError(smtplib.SMTPNotSupportedError):
    """A server offers no encryption, or no way to log in: its state of the moment, or a mistake in the settings."""


class TokenRefusedError(smtplib.SMTPAuthenticationError):
    """A server refused a token; the function that gave it may give a better one."""


_MAY_PASS = (ImproperlyConfigured, ServerLacksError, TokenRefusedError)
"""Settings are mended, and the next worker has them; a server recovers."""


def is_final_code(code: int) -> bool:
    """Return whether a reply means that the same command must not be sent again."""
    return 500 <= code < 600


def is_final_for_recipient(code: int) -> bool:
    """Return whether a recipient that was refused with this code must not be tried again."""
    return is_final_code(code) and code != TOO_MANY_RECIPIENTS


def refused_codes(error: smtplib.SMTPRecipientsRefused) -> dict[str, int]:
    """Return the code with which each recipient was refused."""
    return {address: code for address, (code, _) in error.recipients.items()}


def is_final(error: BaseException) -> bool:
    """Return whether what went wrong with a message would go wrong again: the server's 5xx, or the message itself."""
    if isinstance(error, _MAY_PASS):
        return False
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(_refused_for_good(error))
    if isinstance(error, smtplib.SMTPResponseException):
        return is_final_code(error.smtp_code)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return True
    # A certificate that is refused is a ValueError too.
    return isinstance(error, (ValueError, TypeError)) and not isinstance(error, OSError)


def _refused_for_good(error: smtplib.SMTPRecipientsRefused) -> list[bool]:
    return [is_final_for_recipient(code) for code, _ in error.recipients.values()]


def is_lost_on_the_way(error: BaseException) -> bool:
    """Return whether another server may take a message: no connection, no login, no room at present, or no SMTPUTF8."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return not any(_refused_for_good(error))
    if isinstance(error, _OF_THE_SERVER):
        return True  # It is this server's business whom it lets in, and what it can do.
    if isinstance(error, smtplib.SMTPSenderRefused) and error.smtp_code in _WANTS_A_LOGIN:
        return True
    return isinstance(error, OSError) and not is_final(error)


def code_of(error: BaseException) -> str:
    """Return the code of a reply or of the system, as text without addresses; empty if there is none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return ", ".join(sorted({str(code) for code, _ in error.recipients.values()}))
    return str(getattr(error, "smtp_code", "") or getattr(error, "errno", "") or "")
