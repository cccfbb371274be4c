"""Checks of addresses that come from data: what a user types must not reach this network."""

from __future__ import annotations

import asyncio

from openviper.ai.http.endpoint import Endpoint, parse_endpoint
from openviper.ai.types import Image
from openviper.core.email.public_hosts import parse_url
from openviper.core.email.safe_fetch import is_private_hostname, safe_fetch

LOCALHOST_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})
"""Hosts that `validate_base_url` lets through for servers on this machine."""
MAX_IMAGE = 10 * 1024 * 1024
"""Most bytes of a picture that is fetched."""


def is_private_address(host: str) -> bool:
    """Return whether a host is not on the public internet.

    A name is looked up (which blocks), and every one of its addresses has to be public; an unknown or malformed one
    counts as private.
    """
    return is_private_hostname(host)


def validate_base_url(
    url: str, *, allow_localhost: bool = False, provider: str = "Provider"
) -> None:
    """Refuse the address of a server that is not public; blocks while the name is looked up.

    The address may be another one when it is connected to: give providers whose address comes from data
    ``public_only``, which checks the very address of the connection.

    Args:
        url: The address.
        allow_localhost: Allow `LOCALHOST_HOSTS` and host names without a dot, unencrypted too.
        provider: Whose address it is, for the error.

    Raises:
        ValueError: If it is refused.
    """
    try:
        endpoint = parse_endpoint(url, allow_http=True)
    except ValueError as error:
        raise ValueError(f"{provider}: {error}") from None
    if not (allow_localhost and _is_local(endpoint)):
        _check_public(endpoint, provider)


def _check_public(endpoint: Endpoint, provider: str) -> None:
    if endpoint.scheme != "https":
        raise ValueError(f"{provider}: the address {endpoint.url!r} is not https")
    if is_private_address(endpoint.host):
        raise ValueError(f"{provider}: {endpoint.host!r} is not a public host")


def _is_local(endpoint: Endpoint) -> bool:
    is_single_label = "." not in endpoint.host and ":" not in endpoint.host
    # A number without a dot is an address for some programs.
    return endpoint.host in LOCALHOST_HOSTS or (is_single_label and endpoint.host[0].isalpha())


def validate_image_url(url: str, *, provider: str = "Provider") -> None:
    """Refuse the address of a picture that is not ``https`` or not public; blocks while the name is looked up.

    Raises:
        ValueError: If it is refused.
    """
    try:
        target = parse_url(url, ("https",))
    except ValueError as error:
        raise ValueError(f"{provider}: {error}") from None
    if is_private_address(target.host):
        raise ValueError(f"{provider}: {target.host!r} is not a public host")


async def fetch_image(url: str, *, max_bytes: int = MAX_IMAGE, timeout: float = 30.0) -> Image:
    """Fetch a picture from the public internet, for a prompt.

    The host is looked up once, and the connection goes to the address that was checked; redirects are not followed.

    Args:
        url: Where from; ``https`` only.
        max_bytes: Most bytes of the picture.
        timeout: Seconds after which all of it has to be over.

    Raises:
        ValueError: If the address is refused, the server redirects, or what it sends is too large or no picture.
        OSError: If it cannot be fetched.
    """
    fetched = await asyncio.to_thread(
        safe_fetch,
        url,
        max_bytes=max_bytes,
        timeout=timeout,
        schemes=("https",),
        user_agent="openviper-ai/1",
    )
    if not fetched.content_type.startswith("image/"):
        raise ValueError(f"the server sends {fetched.content_type!r}, which is not a picture")
    return Image(fetched.content, fetched.content_type)
