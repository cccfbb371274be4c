"""The hashed copies of files that refer to others: each names the copies of those."""

from __future__ import annotations

from collections.abc import Mapping

from openviper.staticfiles.collection_extras import Extras
from openviper.staticfiles.collection_output import Output
from openviper.staticfiles.collection_plan import Plan
from openviper.staticfiles.collection_record import Record
from openviper.staticfiles.copying import compress_file, write_file
from openviper.staticfiles.hashed_names import check_free, circles, digest_of, hashed_name
from openviper.staticfiles.references import Reference, find_references, rewrite


class LinkedCopies:
    """The copies that are made last, when the names of all others are known.

    Args:
        plan: What is collected.
        record: What is known of each file; the names and digests of these copies are added.
        output: Where they are written.
        extras: Whether they are compressed, and what the files are served below.

    Attributes:
        warnings: References that name no file.
    """

    def __init__(self, plan: Plan, record: Record, output: Output, extras: Extras) -> None:
        self.warnings: list[str] = []
        self._record = record
        self._output = output
        self._extras = extras
        self._old = plan.record.hashed
        self._present = plan.present.files
        self._collected = {item.entry.name for item in plan.items}
        self._entries = {
            item.entry.name: item.entry
            for item in plan.items
            if record.files[item.entry.name].references
        }

    def produce(self) -> None:
        """Write the copies, those first whom others refer to."""
        graph = {name: self._targets(name) for name in self._entries}
        for circle in circles(graph):
            if all(self._is_as_before(name) for name in circle):
                self._record.hashed.update({name: self._old[name] for name in circle})
            else:
                self._write(circle)

    def _targets(self, name: str) -> list[str]:
        return [target for target in self._referred(name) if target in self._collected]

    def _referred(self, name: str) -> tuple[str, ...]:
        return self._record.files[name].references or ()

    # Whether the copy of the last collection is still right

    def _is_as_before(self, name: str) -> bool:
        if self._record.files[name].digest is None or not self._is_there(name):
            return False
        return all(
            self._old.get(target) == self._name_now(target) for target in self._referred(name)
        )

    def _is_there(self, name: str) -> bool:
        copy = self._old.get(name)
        if copy is None or copy not in self._present:
            return False
        return not self._has_companion(name) or f"{copy}.gz" in self._present

    def _name_now(self, target: str) -> str | None:
        """Return the name of a copy; the one of the last time for those of the same circle, which have none yet."""
        known = self._record.hashed.get(target)
        is_open = known is None and target in self._entries
        return self._old.get(target) if is_open else known

    def _has_companion(self, name: str) -> bool:
        entry = self._entries[name]
        wanted = self._extras.wants_gzip(name, entry.size, self._collected)
        return wanted and bool(self._record.files[name].smaller)

    # Writing it

    def _write(self, circle: list[str]) -> None:
        texts = {name: self._read(name) for name in circle}
        references = {name: self._find(name, texts[name]) for name in circle}
        self._give_names(circle, texts, references)
        for name in circle:
            self._write_copy(name, rewrite(texts[name], references[name], self._record.hashed))

    def _give_names(
        self,
        circle: list[str],
        texts: Mapping[str, str],
        references: Mapping[str, list[Reference]],
    ) -> None:
        """Record digest and name of each copy, from its content with the names that are settled."""
        open_names = set(circle)
        settled = {
            name: rewrite(
                texts[name],
                [each for each in references[name] if each.target not in open_names],
                self._record.hashed,
            )
            for name in circle
        }
        # The names of a circle depend on each other, so each has the hash of all.
        together = "".join(settled.values()) if self._is_circle(circle) else ""
        for name in circle:
            digest = digest_of(as_bytes(settled[name] + together))
            self._record.files[name] = self._record.files[name]._replace(digest=digest)
            self._record.hashed[name] = hashed_name(name, digest)
            check_free(self._record.hashed[name], name, self._collected)

    def _is_circle(self, names: list[str]) -> bool:
        return len(names) > 1 or names[0] in self._targets(names[0])

    def _read(self, name: str) -> str:
        with open(self._entries[name].path, "rb") as file:
            return as_text(file.read())

    def _find(self, name: str, text: str) -> list[Reference]:
        references = find_references(name, text, self._extras.static_url)
        missing = {reference.target for reference in references} - self._collected
        self.warnings += [
            f"{name!r} refers to {target!r}, which no source has" for target in sorted(missing)
        ]
        return references

    def _write_copy(self, name: str, text: str) -> None:
        entry, copy = self._entries[name], self._record.hashed[name]
        path = self._output.stage(copy)
        write_file(path, as_bytes(text), entry.mode, entry.mtime_ns)
        if self._has_companion(name):
            compress_file(path, self._output.stage(f"{copy}.gz"), entry.mode, entry.mtime_ns)


def as_text(content: bytes) -> str:
    """Return bytes as text that becomes the same bytes again."""
    return content.decode("utf-8", "surrogateescape")


def as_bytes(text: str) -> bytes:
    """Return the bytes that a text of `as_text` was."""
    return text.encode("utf-8", "surrogateescape")
