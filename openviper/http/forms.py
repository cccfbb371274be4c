"""Forms: fields that were sent as text, and files; bounded in every direction while their bytes arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

from openviper.conf import settings
from openviper.exceptions import HTTPException
from openviper.http.limits import Limits
from openviper.http.multipart import (
    MultipartError,
    MultipartParser,
    PartData,
    PartEnd,
    PartHead,
    parse_boundary,
    parse_options,
)
from openviper.http.uploads import Spool, UploadFile
from openviper.utils.datastructures import decode_form

LONG = 64 * 1024
"""A longer form is decoded in a thread; in bytes."""


class FormData(Mapping[str, str]):
    """The fields of a form by name; ``[]`` and `get` give the first value of a field. Files are apart, in `files`.

    Args:
        fields: Names and values, in order.
        files: Names and files, in order.
    """

    def __init__(
        self,
        fields: Iterable[tuple[str, str]] = (),
        files: Iterable[tuple[str, UploadFile]] = (),
    ) -> None:
        self._fields = list(fields)
        self._files = list(files)
        self._first: dict[str, str] = {}
        for name, value in self._fields:
            self._first.setdefault(name, value)

    def __getitem__(self, name: str) -> str:
        return self._first[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def getlist(self, name: str) -> list[str]:
        """Return every value of a field, in order."""
        return [value for other, value in self._fields if other == name]

    def multi_items(self) -> list[tuple[str, str]]:
        """Return every name with its value, in order."""
        return list(self._fields)

    @property
    def files(self) -> Files:
        """The files."""
        return Files(self._files)

    async def close(self) -> None:
        """Let go of the files."""
        for _, file in self._files:
            await file.close()

    def __repr__(self) -> str:
        return f"<FormData {[name for name, _ in self._fields]!r} {self.files!r}>"  # Values may be secret.


class Files(Mapping[str, UploadFile]):
    """The files of a form by the name of their field; ``[]`` and `get` give the first one of a name."""

    def __init__(self, files: Iterable[tuple[str, UploadFile]] = ()) -> None:
        self._files = list(files)

    def __getitem__(self, name: str) -> UploadFile:
        for other, file in self._files:
            if other == name:
                return file
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._files))

    def __len__(self) -> int:
        return len({name for name, _ in self._files})

    def getlist(self, name: str) -> list[UploadFile]:
        """Return every file of a name, in order."""
        return [file for other, file in self._files if other == name]

    def multi_items(self) -> list[tuple[str, UploadFile]]:
        """Return every name with its file, in order."""
        return list(self._files)

    def __repr__(self) -> str:
        return f"<Files {self._files!r}>"


def check_charset(content_type: str) -> None:
    """Check that a form without files is in UTF-8, which is the only character set it has (URL Standard, 5.1).

    Raises:
        HTTPException: 415 if its content type says otherwise: it would be read as other text than was sent.
    """
    charset = parse_options(content_type)[1].get("charset", "utf-8").lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise HTTPException(415, f"Forms are read as UTF-8, not as {charset[:40]!r}.")


async def parse_urlencoded(body: bytes, limits: Limits) -> FormData:
    """Return the form in a body of type ``application/x-www-form-urlencoded``.

    Raises:
        HTTPException: 400 if it has too many fields or is not UTF-8.
    """
    if body.count(b"&") >= limits.fields:
        raise HTTPException(400, f"The form has more than {limits.fields} fields.")
    try:
        if len(body) <= LONG:
            return FormData(decode_form(body))
        return FormData(await asyncio.to_thread(decode_form, body))
    except UnicodeDecodeError:
        raise HTTPException(400, "The form is not UTF-8.") from None


class MultipartReader:
    """Reads one form of parts.

    Args:
        content_type: The header that names the boundary.
        limits: How much is taken.

    Raises:
        MultipartError: If there is no valid boundary.
    """

    def __init__(self, content_type: str, limits: Limits) -> None:
        self._parser = MultipartParser(parse_boundary(content_type))
        self._limits = limits
        self._memory: int = settings.UPLOAD_MEMORY_SIZE
        self._fields: list[tuple[str, str]] = []
        self._files: list[tuple[str, UploadFile]] = []
        self._head: PartHead | None = None
        self._value: list[bytes] = []
        self._spool: Spool | None = None
        self._received = self._field_bytes = self._file_parts = 0

    async def read(self, chunks: AsyncIterator[bytes]) -> FormData:
        """Return the form that arrives.

        Raises:
            HTTPException: 400 if it is malformed, 413 if it is too large; nothing is left on disk.
        """
        try:
            async for chunk in chunks:
                await self._feed(chunk)
            self._parser.finish()
        except BaseException:
            await self._drop()
            raise
        return FormData(self._fields, self._files)

    async def _feed(self, chunk: bytes) -> None:
        self._received += len(chunk)
        if self._received > self._limits.upload:
            raise HTTPException(413)
        for event in self._parser.feed(chunk):
            await self._take(event)

    async def _drop(self) -> None:
        if self._spool is not None:
            self._spool.close()
        for _, file in self._files:
            file.file.close()

    async def _take(self, event: PartHead | PartData | PartEnd) -> None:
        if isinstance(event, PartData):
            await self._take_data(event.data)
        elif isinstance(event, PartHead):
            self._begin(event)
        else:
            await self._end()

    def _begin(self, head: PartHead) -> None:
        self._head = head
        if head.filename is None:
            self._begin_field()
        else:
            self._begin_file()
        self._count(len(head.name))

    def _begin_field(self) -> None:
        if len(self._fields) >= self._limits.fields:
            raise HTTPException(400, f"The form has more than {self._limits.fields} fields.")
        self._spool = None

    def _begin_file(self) -> None:
        # Of fields in which nothing was chosen, which are no files, there may be as many as there are fields.
        self._file_parts += 1
        is_one_too_many = self._file_parts > self._limits.files + self._limits.fields
        if is_one_too_many or len(self._files) >= self._limits.files:
            raise HTTPException(400, f"The form has more than {self._limits.files} files.")
        self._spool = Spool(self._memory)

    async def _take_data(self, data: bytes) -> None:
        if self._spool is None:
            self._count(len(data))
            self._value.append(data)
            return
        self._spool.add(data)
        if self._spool.is_full:
            await self._spool.flush()

    def _count(self, size: int) -> None:
        self._field_bytes += size
        if self._field_bytes > self._limits.form:
            raise HTTPException(413)

    async def _end(self) -> None:
        head, spool = self._head, self._spool
        assert head is not None
        if spool is None:
            value, self._value = b"".join(self._value), []
            self._fields.append((head.name, _text(value, head)))
            return
        self._spool = None
        # What a browser sends for a field in which no file was chosen has neither.
        if head.filename or spool.size:
            self._files.append((head.name, await _uploaded(head, spool)))


async def _uploaded(head: PartHead, spool: Spool) -> UploadFile:
    return UploadFile(
        head.filename or "",
        head.content_type,
        await spool.finish(),
        size=spool.size,
        headers=head.headers,
    )


def _text(value: bytes, head: PartHead) -> str:
    charset = parse_options(head.content_type)[1].get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "us-ascii"):
        raise MultipartError("a field is not in UTF-8")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise MultipartError("a field is not in UTF-8") from None
