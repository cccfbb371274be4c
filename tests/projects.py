"""Small projects for the tests of discovery."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

KEY = "a-key-for-tests-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files below a directory, with the folders they need."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


def forget_modules(root: Path) -> None:
    """Have what was imported from below a directory imported anew; all other modules stay as they are."""
    below = f"{root}/"
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and file.startswith(below):
            del sys.modules[name]


def settings(*apps: str) -> str:
    """Return the text of a settings module."""
    return (
        "import dataclasses\nfrom openviper.conf import Settings\n\n\n@dataclasses.dataclass(frozen=True)\n"
        f"class ProjectSettings(Settings):\n    SECRET_KEY: str = {KEY!r}\n"
        f"    INSTALLED_APPS: tuple[str, ...] = {apps!r}\n"
    )


def command(
    body: str = 'self.stdout("ran")', help_text: str = '"Say something."', kind: str = "def"
) -> str:
    """Return the text of a command module."""
    return (
        "from openviper.core.management.base import BaseCommand\n\n\nclass Command(BaseCommand):\n"
        f"    help = {help_text}\n\n    {kind} handle(self, **options):\n        {body}\n"
    )


def app(name: str, **commands: str) -> dict[str, str]:
    """Return the files of an app with commands."""
    folder = f"{name}/management/commands"
    files = {
        f"{name}/__init__.py": "",
        f"{name}/management/__init__.py": "",
        f"{folder}/__init__.py": "",
    }
    return files | {f"{folder}/{command_name}.py": text for command_name, text in commands.items()}
