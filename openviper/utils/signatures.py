"""Parameters and annotations as they are written, also where a name in one exists for the type checker only.

From Python 3.14 on, an annotation is worked out when somebody asks for it, unless the module has
``from __future__ import annotations`` (PEP 649). A name that was imported under ``TYPE_CHECKING`` is then a `NameError` of
whoever asks; here such an annotation is its text, as it is with that import. Whether its meaning matters is for the caller
to say.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

if sys.version_info >= (3, 14):
    import annotationlib

    def signature_of(function: Callable[..., Any]) -> inspect.Signature:
        """Return the signature of a function; an annotation that means nothing at run time is its text.

        Raises:
            TypeError: If it cannot be called.
            ValueError: If it tells nothing about its parameters.
        """
        try:
            return inspect.signature(function)
        except (NameError, AttributeError):
            pass
        known = inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
        written = inspect.signature(function, annotation_format=annotationlib.Format.STRING)
        return known.replace(
            parameters=[
                one.replace(
                    annotation=_known_or_written(
                        one.annotation, written.parameters[name].annotation
                    )
                )
                for name, one in known.parameters.items()
            ],
            return_annotation=_known_or_written(known.return_annotation, written.return_annotation),
        )

    def _known_or_written(known: object, written: object) -> object:
        # A name that is not known may stand within brackets: `list[ForwardRef('Post')]`.
        return written if "ForwardRef(" in repr(known) else known

    def own_annotations(thing: type) -> Mapping[str, object]:
        """Return the annotations of a class body by their names."""
        return annotationlib.get_annotations(thing, format=annotationlib.Format.FORWARDREF)

else:

    def signature_of(function: Callable[..., Any]) -> inspect.Signature:
        """Return the signature of a function; annotations may be texts.

        Raises:
            TypeError: If it cannot be called.
            ValueError: If it tells nothing about its parameters.
        """
        return inspect.signature(function)

    def own_annotations(thing: type) -> Mapping[str, object]:
        """Return the annotations of a class body by their names."""
        return inspect.get_annotations(thing)
