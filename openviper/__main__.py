"""``python -m openviper``: the same as the `openviper` command."""

from __future__ import annotations

from openviper.cli import cli

if __name__ == "__main__":
    cli()
