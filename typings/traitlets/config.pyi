# What OpenViper uses of traitlets, which comes with IPython.
from typing import Any

class Config:
    def __getattr__(self, name: str) -> Any: ...
