"""Reading templates from directories, without following a link out of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import BaseLoader, TemplateNotFound, TemplateSyntaxError

from openviper.utils.opened_files import find_below
from openviper.utils.resources import is_archived, read_bytes

if TYPE_CHECKING:
    from jinja2 import Environment


class DirectoryLoader(BaseLoader):
    """Reads templates below some directories, the first one that has it; links on the way are not followed.

    Args:
        directories: Where they are looked for, in order.
    """

    def __init__(self, directories: Sequence[str]) -> None:
        self.directories = [Path(directory) for directory in directories]

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """Return a template's text, its file, and a function that says whether it is still the same.

        Raises:
            TemplateNotFound: If no directory has it.
            TemplateSyntaxError: If it is not UTF-8.
        """
        for directory in self.directories:
            opened = find_below(directory, template)
            if opened is None:
                path = directory / template
                # Only where the directory itself is in an archive: on the disk, what was not opened is not to be.
                if not directory.is_dir() and is_archived(path):
                    return _decoded(read_bytes(path), template), str(path), _always
                continue
            file, status = opened
            with file:
                source = _decoded(file.read(), template)
            path = directory / template
            return source, str(path), _unchanged(path, status.st_mtime_ns)
        raise TemplateNotFound(template)

    def list_templates(self) -> list[str]:
        """Return the names of all templates."""
        return sorted({name for directory in self.directories for name in _names(directory)})


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TemplateSyntaxError(
            f"the template is not UTF-8: {error.reason}", line, name
        ) from error


def _always() -> bool:
    return True


def _unchanged(path: Path, modified: int) -> Callable[[], bool]:
    def unchanged() -> bool:
        try:
            return os.lstat(path).st_mtime_ns == modified
        except OSError:
            return False

    return unchanged


def _names(directory: Path) -> Iterator[str]:
    for folder, _, files in os.walk(directory):
        for file in files:
            path = Path(folder, file)
            if not path.is_symlink():
                yield path.relative_to(directory).as_posix()
