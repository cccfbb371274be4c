"""Collecting static files into one directory, for a web server to send.

Everything is written under temporary names first and renamed at the end, so a run that fails or is interrupted leaves the
destination as it was. A destination that does not exist yet is built beside its place and renamed as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from openviper.conf import settings
from openviper.staticfiles.collection_extras import Extras
from openviper.staticfiles.collection_lock import only_collection
from openviper.staticfiles.collection_output import remove_remains
from openviper.staticfiles.collection_plan import Plan, make_plan
from openviper.staticfiles.collection_run import Advance, Collected, CollectionRun
from openviper.staticfiles.finders import discover_app_static_dirs
from openviper.staticfiles.ignored_names import IgnoredNames
from openviper.utils.atomic_files import naming

__all__ = ["Collected", "Extras", "carry_out", "collect_static"]


def collect_static(
    source_dirs: Sequence[str | os.PathLike[str]],
    dest_dir: str | os.PathLike[str],
    *,
    clear: bool = False,
    hashed: bool = False,
    compress: bool = False,
    ignore: Iterable[str] = (),
) -> int:
    """Copy static files into one directory: first those of `source_dirs`, then those of the installed apps.

    Of files with the same name the first one counts. Unchanged files, told by size and time, are not even read. Hidden
    files and what editors leave behind are left out. Another collection into the same directory is waited for.

    Args:
        source_dirs: Directories; those that do not exist are passed over.
        dest_dir: Where the files go.
        clear: Remove everything else from the destination, whoever wrote it, if it was collected into before.
        hashed: Also give each file a name that holds a hash of its content, and have these copies refer to each other.
        compress: Also write a ``.gz`` file beside each one that becomes smaller.
        ignore: Patterns of further names to leave out; see `IgnoredNames`.

    Returns:
        The number of files in the result that came from a source.

    Raises:
        TypeError: If the sources are not several.
        UnsafeDestinationError: If clearing the destination could delete something of worth.
        CollectError: If a file is in the way of a directory, or the other way round.
        ValueError: If a pattern cannot be one.
        OSError: If reading or writing fails; the destination is as it was.
    """
    if isinstance(source_dirs, (str, os.PathLike)):
        raise TypeError(f"source_dirs are a list such as [{source_dirs!r}], not one of them")
    sources = [*map(Path, source_dirs), *discover_app_static_dirs()]
    destination, ignored = Path(dest_dir), IgnoredNames(ignore)
    extras = Extras(hashed=hashed, compress=compress, static_url=settings.STATIC_URL)
    with only_collection(destination, wait=lambda: None) as is_alone:
        if is_alone:
            remove_remains(destination)
        plan = make_plan(sources, destination, clear=clear, ignored=ignored)
        return carry_out(plan, extras).total


def carry_out(
    plan: Plan, extras: Extras | None = None, *, advance: Advance = lambda _amount: None
) -> Collected:
    """Do what was planned; no other collection into the same destination may run.

    Args:
        plan: From `make_plan`.
        extras: What to make besides copies; nothing when not given.
        advance: Called with the number of files that were finished since the last call.

    Raises:
        OSError: If reading or writing fails; the destination is as it was.
    """
    run = CollectionRun(plan, extras or Extras())
    try:
        with naming(plan.destination):
            run.prepare()
            run.produce(advance)
            return run.finish()
    except BaseException:
        run.undo()
        raise
