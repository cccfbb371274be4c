"""Cookies as a browser keeps them (RFC 6265, 5.3 and 5.4)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, MutableMapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import SplitResult

_AGE = re.compile(r"-?[0-9]{1,300}")


class StoredCookie(NamedTuple):
    """A cookie with the requests it is sent with.

    Attributes:
        value: Its value.
        domain: The host it is for; empty for every host.
        path: The path it is for.
        secure: Whether it is sent over https only.
        host_only: Whether sub-domains do not get it.
        expires: When it ends, in seconds since 1970; `None` when the client is closed.
    """

    value: str
    domain: str = ""
    path: str = "/"
    secure: bool = False
    host_only: bool = True
    expires: float | None = None


class Cookies(MutableMapping[str, str]):
    """The cookies of a client by name, each sent where it belongs."""

    def __init__(self, cookies: dict[str, str] | None = None) -> None:
        self._stored: dict[tuple[str, str, str], StoredCookie] = {}
        for name, value in (cookies or {}).items():
            self[name] = value

    @property
    def is_empty(self) -> bool:
        """Whether there are none at all, not even such that are over."""
        return not self._stored

    def set(self, name: str, value: str) -> None:
        """Set a cookie that is sent with every request."""
        self[name] = value

    def __setitem__(self, name: str, value: str) -> None:
        _check_pair(name, value)
        self._remove(name)
        self._stored[name, "", "/"] = StoredCookie(value)

    def __getitem__(self, name: str) -> str:
        for (other, _, _), cookie in reversed(self._stored.items()):
            if other == name and not _is_over(cookie):
                return cookie.value
        raise KeyError(name)

    def __delitem__(self, name: str) -> None:
        if not self._remove(name):
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(
            dict.fromkeys(
                name for (name, _, _), cookie in self._stored.items() if not _is_over(cookie)
            )
        )

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _remove(self, name: str) -> int:
        keys = [key for key in self._stored if key[0] == name]
        for key in keys:
            del self._stored[key]
        return len(keys)

    def take(self, line: str, url: SplitResult) -> None:
        """Keep the cookie of a ``Set-Cookie`` header, or drop the one it ends; a browser's refusals are ours."""
        name, value, attributes = parse_set_cookie(line)
        host = url.hostname or ""
        domain = attributes.get("domain", "").lstrip(".").lower()
        # One label alone, such as ``com``, is nobody's own.
        is_wide = "." not in domain and domain != host
        is_foreign = bool(domain) and (is_wide or not _covers(domain, host))
        if is_foreign or _violates_prefix(name, attributes, is_https=url.scheme == "https"):
            return
        path = _cookie_path(attributes.get("path", ""), url)
        secure = "secure" in attributes
        cookie = StoredCookie(value, domain or host, path, secure, not domain, _end(attributes))
        self._replace(name, cookie)

    def _replace(self, name: str, cookie: StoredCookie) -> None:
        # One that a test has set by hand gives way to what the application says.
        self._stored.pop((name, "", "/"), None)
        key = (name, cookie.domain, cookie.path)
        self._stored.pop(key, None)
        if name and not _is_over(cookie):
            self._stored[key] = cookie

    def header(self, url: SplitResult) -> str:
        """Return the ``Cookie`` header of a request; empty if there is none."""
        fitting = [
            (name, cookie)
            for (name, _, _), cookie in self._stored.items()
            if _fits(cookie, url) and not _is_over(cookie)
        ]
        # Longer paths first (RFC 6265, 5.4).
        fitting.sort(key=lambda entry: -len(entry[1].path))
        return "; ".join(f"{name}={cookie.value}" for name, cookie in fitting)


def _check_pair(name: str, value: str) -> None:
    """Refuse what would reach the application as another cookie, or as several.

    Raises:
        ValueError: If a name or a value does.
    """
    odd = set(";\r\n\0")
    if not name or odd & set(name) or odd & set(value) or "=" in name or name != name.strip():
        raise ValueError(f"the cookie {name!r} with the value {value!r} cannot be sent")


def _cookie_path(given: str, url: SplitResult) -> str:
    """Return the path that a cookie is for: the given one, else that of the folder of the address."""
    return given if given.startswith("/") else url.path.rpartition("/")[0] or "/"


def parse_set_cookie(line: str) -> tuple[str, str, dict[str, str]]:
    """Return name, value and attributes of a ``Set-Cookie`` header; quotes are part of the value, as in browsers."""
    pair, *rest = line.split(";")
    name, _, value = pair.partition("=")
    attributes = {}
    for part in rest:
        key, _, text = part.partition("=")
        attributes[key.strip().lower()] = text.strip()
    return name.strip(), value.strip(), attributes


def _violates_prefix(name: str, attributes: dict[str, str], *, is_https: bool) -> bool:
    lowered = name.lower()
    secure = "secure" in attributes and is_https
    if lowered.startswith("__host-"):
        return not secure or "domain" in attributes or attributes.get("path") != "/"
    if lowered.startswith("__secure-"):
        return not secure
    return "secure" in attributes and not is_https


def _end(attributes: dict[str, str]) -> float | None:
    age = _AGE.fullmatch(attributes.get("max-age", ""))
    if age is not None:
        return time.time() + float(age[0])
    try:
        return parsedate_to_datetime(attributes["expires"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def _is_over(cookie: StoredCookie) -> bool:
    return cookie.expires is not None and cookie.expires <= time.time()


def _covers(domain: str, host: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _fits(cookie: StoredCookie, url: SplitResult) -> bool:
    host = url.hostname or ""
    is_host = host == cookie.domain if cookie.host_only else _covers(cookie.domain, host)
    if cookie.domain and not is_host:
        return False
    if cookie.secure and url.scheme not in ("https", "wss"):
        return False
    path = url.path or "/"
    return path == cookie.path or path.startswith(cookie.path.rstrip("/") + "/")
