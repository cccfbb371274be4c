# What OpenViper uses of IPython, an optional package.
from collections.abc import Callable, Coroutine
from typing import Any

from traitlets.config import Config

class TerminalInteractiveShell:
    autoawait: bool
    loop_runner: Callable[[Coroutine[Any, Any, Any]], Any]

class TerminalIPythonApp:
    shell: TerminalInteractiveShell
    @classmethod
    def instance(cls, *, user_ns: dict[str, Any], config: Config) -> TerminalIPythonApp: ...
    def initialize(self, argv: list[str]) -> None: ...
    def start(self) -> None: ...
