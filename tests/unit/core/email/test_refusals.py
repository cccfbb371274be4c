"""What is final, what is tried again, and what another server may take."""

from __future__ import annotations

import smtplib
import ssl

import pytest

from openviper.core.email.refusals import (
    RecipientsRefused,
    ServerLacksError,
    TokenRefusedError,
    code_of,
    is_final,
    is_lost_on_the_way,
)
from openviper.exceptions import ImproperlyConfigured


@pytest.mark.parametrize(
    ("error", "final", "elsewhere"),
    [
        (smtplib.SMTPSenderRefused(550, b"no", "a@x.io"), True, False),
        (smtplib.SMTPSenderRefused(451, b"later", "a@x.io"), False, True),
        (smtplib.SMTPDataError(554, b"spam"), True, False),
        (smtplib.SMTPDataError(452, b"full"), False, True),
        (smtplib.SMTPRecipientsRefused({"a": (550, b"no")}), True, False),
        (smtplib.SMTPRecipientsRefused({"a": (550, b"no"), "b": (450, b"later")}), False, False),
        (smtplib.SMTPRecipientsRefused({"a": (552, b"too many")}), False, True),
        (smtplib.SMTPRecipientsRefused({"a": (421, b"bye")}), False, True),
        (smtplib.SMTPAuthenticationError(535, b"wrong"), True, True),
        (smtplib.SMTPConnectError(554, b"no service here"), True, True),
        (smtplib.SMTPHeloError(550, b"who are you"), True, True),
        (smtplib.SMTPSenderRefused(530, b"log in first", "a@x.io"), True, True),
        (smtplib.SMTPServerDisconnected("gone"), False, True),
        (smtplib.SMTPNotSupportedError("no SMTPUTF8"), True, True),
        (ServerLacksError("no STARTTLS"), False, True),
        (TokenRefusedError(535, b"expired"), False, True),
        (smtplib.SMTPResponseException(-1, b"nonsense"), False, True),
        (ConnectionRefusedError(111, "refused"), False, True),
        (TimeoutError("late"), False, True),
        (ssl.SSLCertVerificationError("self-signed"), False, True),
        (ValueError("no recipient"), True, False),
        (ImproperlyConfigured("both"), False, False),
        (RuntimeError("a mistake"), False, False),
    ],
)
def test_each_kind_of_failure(error: Exception, final: bool, elsewhere: bool) -> None:
    assert (is_final(error), is_lost_on_the_way(error)) == (final, elsewhere)


def test_codes_are_shown_without_addresses() -> None:
    refused = smtplib.SMTPRecipientsRefused({"ada@x.io": (550, b"no ada"), "b@x.io": (450, b"b")})
    assert code_of(refused) == "450, 550"
    assert code_of(ConnectionRefusedError(111, "x")) == "111"
    assert code_of(ValueError("x")) == ""
    assert "ada" not in str(RecipientsRefused({"ada@x.io": (550, "no ada")}))
