"""The project of the tests that move rows: the shop of `tests.shop`, with databases of every vendor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.projects import KEY, write

SHOP = Path(__file__).with_name("shop")
VIPERCTL = (
    "import sys\nfrom openviper.core.management import execute_from_command_line\n\n"
    'if __name__ == "__main__":\n    execute_from_command_line(sys.argv)\n'
)


def shop_settings(databases: Mapping[str, str]) -> str:
    """Return the text of the settings, with databases by alias."""
    aliases = {alias: {"URL": url} for alias, url in databases.items()}
    return (
        "import dataclasses\nfrom typing import Any\n\nfrom openviper.conf import Settings\n\n\n"
        "@dataclasses.dataclass(frozen=True)\nclass ProjectSettings(Settings):\n"
        f"    SECRET_KEY: str = {KEY!r}\n"
        '    INSTALLED_APPS: tuple[str, ...] = ("shop", "openviper.auth")\n'
        f"    DATABASES: dict[str, Any] = dataclasses.field(default_factory=lambda: {aliases!r})\n"
    )


def write_shop(root: Path, databases: Mapping[str, str]) -> Path:
    """Write the project, with databases by alias."""
    files = {f"shop/{path.name}": path.read_text() for path in SHOP.glob("*.py")}
    return write(
        root,
        {"viperctl.py": VIPERCTL, **files, "shop/settings.py": shop_settings(databases)},
    )
