"""Logging in to an SMTP server: one mechanism, one attempt.

`smtplib` tries every mechanism that the server names in turn, so that one wrong password counts as three bad logins.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from openviper.core.email.refusals import ServerLacksError, TokenRefusedError
from openviper.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from openviper.core.email.envelope import SMTPConfig

DONE = 235
CHALLENGE = 334
_Login = Callable[[smtplib.SMTP, str, str], tuple[int, bytes]]


def log_in(connection: smtplib.SMTP, config: SMTPConfig) -> None:
    """Log in with the password or the access token of a server's settings.

    Raises:
        ImproperlyConfigured: If there is no secret, or it would go unencrypted over a network.
        smtplib.SMTPAuthenticationError: If the server refuses; `TokenRefusedError` if the next token may be good.
        smtplib.SMTPException: If the function gives no token, and raises no `OSError` of its own.
        ServerLacksError: If the server knows none of our mechanisms.
    """
    is_encrypted = isinstance(connection.sock, ssl.SSLSocket)
    _check_private(connection, config, is_encrypted=is_encrypted)
    secret = _secret(config)
    login = _chosen(connection, config, is_encrypted=is_encrypted)
    code, text = login(connection, config.username, secret)
    if code != DONE:
        refusal = TokenRefusedError if callable(config.access_token) else None
        raise (refusal or smtplib.SMTPAuthenticationError)(code, text)


def _check_private(connection: smtplib.SMTP, config: SMTPConfig, *, is_encrypted: bool) -> None:
    if is_encrypted or is_loopback(connection.sock):
        return
    what = "access token" if config.access_token else "password"
    raise ImproperlyConfigured(
        f"the {what} for {config.host!r} would cross the network unencrypted: set use_tls or use_ssl"
    )


def _chosen(connection: smtplib.SMTP, config: SMTPConfig, *, is_encrypted: bool) -> _Login:
    """Return the first of our mechanisms that a server offers."""
    mechanisms = _mechanisms(config, is_encrypted=is_encrypted)
    offered = connection.esmtp_features.get("auth", "").upper().split()
    for name, login in mechanisms.items():
        if name in offered:
            return login
    raise ServerLacksError(f"{config.host} offers none of {', '.join(mechanisms)} to log in with")


def _mechanisms(config: SMTPConfig, *, is_encrypted: bool) -> dict[str, _Login]:
    if config.access_token:
        return _TOKEN
    # The one mechanism that does not show the password comes first where others could read it.
    return _PASSWORD if is_encrypted else {"CRAM-MD5": _cram_md5, **_PASSWORD}


def is_loopback(sock: socket.socket | None) -> bool:
    """Return whether the other end of a connection is this machine."""
    if sock is None:
        return False
    return ipaddress.ip_address(sock.getpeername()[0].partition("%")[0]).is_loopback


def _secret(config: SMTPConfig) -> str:
    token = config.access_token
    if token is None:
        return _password(config)
    value: object = _called(token, config.host) if callable(token) else token
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise ImproperlyConfigured(
            f"the access_token for {config.host!r} must be a text in ASCII, or a function that returns one"
        )
    return value


def _password(config: SMTPConfig) -> str:
    if not config.password:
        raise ImproperlyConfigured(
            f"there is neither a password nor an access_token for {config.username!r} at {config.host!r}"
        )
    return config.password


def _called(token: Callable[[], str], host: str) -> object:
    """Return what a function gives; whatever goes wrong in it may pass, as the network does."""
    try:
        return token()
    except OSError:
        raise
    except Exception as error:
        raise smtplib.SMTPException(
            f"the function access_token for {host!r} gave none: {type(error).__name__}"
        ) from error


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _plain(connection: smtplib.SMTP, username: str, password: str) -> tuple[int, bytes]:
    """RFC 4616, in UTF-8."""
    answer = f"\0{username}\0{password}"
    return connection.docmd("AUTH", f"PLAIN {_encoded(answer.encode())}")


def _login(connection: smtplib.SMTP, username: str, password: str) -> tuple[int, bytes]:
    """The mechanism of old Microsoft servers: name and password, each when asked for."""
    code, text = connection.docmd("AUTH", "LOGIN")
    for word in (username, password):
        if code != CHALLENGE:
            break
        code, text = connection.docmd(_encoded(word.encode()))
    return code, text


def _cram_md5(connection: smtplib.SMTP, username: str, password: str) -> tuple[int, bytes]:
    """RFC 2195."""
    code, challenge = connection.docmd("AUTH", "CRAM-MD5")
    if code != CHALLENGE:
        return code, challenge
    try:
        digest = hmac.new(password.encode(), base64.b64decode(challenge), "md5").hexdigest()
    except ValueError as error:  # No base64, or an interpreter whose policy has no MD5.
        connection.docmd("*")
        raise smtplib.SMTPNotSupportedError(f"CRAM-MD5 cannot be used: {error}") from error
    return connection.docmd(_encoded(f"{username} {digest}".encode()))


def _xoauth2(connection: smtplib.SMTP, username: str, token: str) -> tuple[int, bytes]:
    """The mechanism of Google and Microsoft, older than RFC 7628."""
    answer = f"user={username}\1auth=Bearer {token}\1\1"
    reply = connection.docmd("AUTH", f"XOAUTH2 {_encoded(answer.encode())}")
    # A refusal comes as a challenge first, which has to be answered.
    return connection.docmd("") if reply[0] == CHALLENGE else reply


def _oauthbearer(connection: smtplib.SMTP, username: str, token: str) -> tuple[int, bytes]:
    """RFC 7628."""
    name = username.replace("=", "=3D").replace(",", "=2C")
    answer = f"n,a={name},\1auth=Bearer {token}\1\1"
    reply = connection.docmd("AUTH", f"OAUTHBEARER {_encoded(answer.encode())}")
    return connection.docmd(_encoded(b"\1")) if reply[0] == CHALLENGE else reply  # RFC 7628, 3.2.3.


_PASSWORD: dict[str, _Login] = {"PLAIN": _plain, "LOGIN": _login, "CRAM-MD5": _cram_md5}
_TOKEN: dict[str, _Login] = {"OAUTHBEARER": _oauthbearer, "XOAUTH2": _xoauth2}
