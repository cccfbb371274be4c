"""The version of OpenViper."""

from __future__ import annotations

VERSION = "0.2.0"
