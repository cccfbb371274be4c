"""Addresses that come from data do not lead into this network."""

from __future__ import annotations

import pytest

from openviper.ai import fetch_image, is_private_address, validate_base_url, validate_image_url
from openviper.core.email.safe_fetch import FetchedFile

PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "ff02::1", "localhost", "nothing.invalid",
    "2130706433", "0x7f.1",
)  # fmt: skip


@pytest.mark.usefixtures("unknown_names")
@pytest.mark.parametrize("host", PRIVATE)
def test_private_hosts(host: str) -> None:
    assert is_private_address(host)
    shown = f"[{host}]" if ":" in host else host
    with pytest.raises(ValueError):
        validate_base_url(f"https://{shown}/v1")
    with pytest.raises(ValueError):
        validate_image_url(f"https://{shown}/x.png")


def test_public_hosts() -> None:
    assert not is_private_address("93.184.216.34")
    validate_base_url("https://93.184.216.34/v1")
    validate_image_url("https://[2606:2800:220:1:248:1893:25c8:1946]/x.png")


def test_unencrypted_addresses_are_refused() -> None:
    with pytest.raises(ValueError, match="Mine: .*not https"):
        validate_base_url("http://93.184.216.34/v1", provider="Mine")
    with pytest.raises(ValueError, match="Mine"):
        validate_image_url("http://93.184.216.34/x.png", provider="Mine")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "ollama", "gpu-1"])
def test_local_servers_can_be_allowed(host: str) -> None:
    validate_base_url(f"http://{host}:11434", allow_localhost=True)


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.evil.org", "2130706433", "[fe80::1]"])
def test_other_private_hosts_are_still_refused(host: str) -> None:
    with pytest.raises(ValueError):
        validate_base_url(f"http://{host}:11434", allow_localhost=True)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x.png", "http://93.184.216.34/x.png", "file:///etc/passwd"]
)
async def test_a_picture_is_not_fetched_from_here(url: str) -> None:
    with pytest.raises(ValueError):
        await fetch_image(url, timeout=5)


@pytest.mark.parametrize("content_type", ["text/html", "", "application/octet-stream"])
async def test_what_is_no_picture_is_refused(
    monkeypatch: pytest.MonkeyPatch, content_type: str
) -> None:
    def fetch(url: str, **options: object) -> FetchedFile:
        assert options["schemes"] == ("https",)
        return FetchedFile(b"x", content_type, "x")

    monkeypatch.setattr("openviper.ai.security.safe_fetch", fetch)
    with pytest.raises(ValueError, match="not a picture"):
        await fetch_image("https://example.org/x")


async def test_a_picture_is_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "openviper.ai.security.safe_fetch",
        lambda url, **options: FetchedFile(b"\x89PNG", "image/png", "x.png"),
    )
    image = await fetch_image("https://example.org/x.png")
    assert (image.data, image.content_type) == (b"\x89PNG", "image/png")
    assert "PNG" not in repr(image)
