"""Databases in files for these tests."""

from __future__ import annotations

from tests.shop.files import shop, shop_file

__all__ = ["shop", "shop_file"]
