"""Files, of which the database keeps the path and a storage the content."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, Unpack, overload

from openviper.conf import settings
from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.bounds import whole_number
from openviper.db.fields.file_storage import get_file_storage
from openviper.db.fields.text import CharField
from openviper.db.fields.uploads import (
    EXTENSION_OF_KIND,
    Content,
    check_kind,
    check_path,
    clean_name,
    declared_name,
    declared_size,
    detect_kind,
    extension_of,
    is_upload,
    read_upload,
)

T = TypeVar("T")

IMAGE_EXTENSIONS = ("jpg", "jpeg", "png", "gif", "webp", "bmp", "tiff", "ico")
_TOKEN_BYTES = 4


class SyncReadable(Protocol):
    """A file opened for reading bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""
        ...


class AsyncReadable(Protocol):
    """An upload of a web request, and what looks like one."""

    async def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""
        ...


Upload = bytes | bytearray | SyncReadable | AsyncReadable
"""What may be assigned to a `FileField`, apart from the path of a file that is stored already."""


class FileField(CharField[T]):
    """A file: the attribute holds its path in the storage; NULL is allowed.

    Assign an upload, bytes or an open file, and ``save()`` checks and stores it and puts the path in its place. Calls
    that change many rows at once store no files.

    Args:
        upload_to: The directory in the storage.
        max_file_size: Most bytes; the setting `MAX_FILE_SIZE` when not given. `max_size` is another name for it.
        max_length: Most characters of the path.

    Raises:
        ValueError: If `upload_to` leads out of the storage, or leaves no room for a name in `max_length`.
    """

    default_length = 512
    default_directory = "uploads/"
    fits_arrays = False

    @overload
    def __init__(
        self: FileField[str | None],
        *,
        upload_to: str | None = ...,
        max_file_size: int | None = ...,
        max_length: int | None = ...,
        max_size: int | None = ...,
        null: Literal[True] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: FileField[str],
        *,
        upload_to: str | None = ...,
        max_file_size: int | None = ...,
        max_length: int | None = ...,
        max_size: int | None = ...,
        null: Literal[False],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        upload_to: str | None = None,
        max_file_size: int | None = None,
        max_length: int | None = None,
        max_size: int | None = None,
        null: bool = True,
        **options: Unpack[FieldOptions],
    ) -> None:
        self._prepare(upload_to, max_file_size, max_length, max_size, null, options)

    def _prepare(
        self,
        upload_to: str | None,
        max_file_size: int | None,
        max_length: int | None,
        max_size: int | None,
        null: bool,
        options: FieldOptions,
    ) -> None:
        if max_file_size is not None and max_size is not None:
            raise TypeError(
                "max_file_size and max_size are two names for one limit; give one of them"
            )
        most = max_file_size if max_size is None else max_size
        self.max_file_size = None if most is None else whole_number("max_file_size", most)
        options.setdefault("blank", True)
        Field.__init__(self, null=null, **options)
        self._set_length(max_length)
        self._set_directory(self.default_directory if upload_to is None else upload_to)

    def _set_directory(self, directory: str) -> None:
        if not isinstance(directory, str):
            raise TypeError(f"upload_to={directory!r} is not the name of a directory")
        if directory:
            directory = directory.removesuffix("/") + "/"
            check_path(directory)
        self.upload_to = directory
        if self._name_length() < 16:
            raise ValueError(
                f"max_length={self.max_length!r} leaves no room for a name in {directory!r}"
            )

    if TYPE_CHECKING:

        def __set__(self, instance: object, value: T | Upload) -> None:
            """Set the path, or what is to be stored."""

    @property
    def max_size(self) -> int | None:
        """The limit of the size in bytes, as `max_file_size`."""
        return self.max_file_size

    def _name_length(self) -> int:
        return self.max_length - len(self.upload_to) - 2 * _TOKEN_BYTES - 1

    def _limit(self) -> int:
        if self.max_file_size is not None:
            return self.max_file_size
        return settings.MAX_FILE_SIZE

    # Values

    def exact_test(self, *, aware: bool) -> str | None:
        """Return no test: every path is checked."""
        return None

    def valid_test(self) -> str | None:
        """Return no test: every path is checked."""
        return None

    def to_python(self, value: Any) -> Any:
        """Return the path.

        Raises:
            ValueError: If it leads out of the storage, or is an upload that was not stored.
        """
        if is_upload(value):
            raise ValueError(f"{self.name}: an upload is stored by save() of its instance only")
        path = super().to_python(value)
        if path:
            self._named(check_path, path)
        return path

    def validate(self, value: Any) -> None:
        """Check a path, or what can be said about an upload without reading it."""
        if not is_upload(value):
            super().validate(value)
            return
        size = declared_size(value)
        if size is not None and size > self._limit():
            raise ValueError(f"{self.name}: {size} bytes are more than {self._limit()}")
        if name := declared_name(value):
            self.check_extension(name)

    def check_extension(self, filename: str) -> None:
        """Check the extension of an upload, for kinds of files that allow some only.

        Raises:
            ValueError: If it is not allowed.
        """

    def check_content(self, content: Content, filename: str) -> None:
        """Check that the content is what name and declared type say.

        Raises:
            ValueError: If it is not.
        """
        check_kind(content, filename)

    async def pre_save(self, instance: Any, value: Any) -> Any:
        """Store an upload and return its path; a path is returned as it is.

        Raises:
            ValueError: If it is too big, or not what it says it is.
            ImproperlyConfigured: If there is no storage.
        """
        if not is_upload(value):
            return value
        storage = get_file_storage()
        try:
            content = await read_upload(value, self._limit())
            filename = clean_name(
                content.filename or self._name_for(content.data), self._name_length()
            )
            self.check_content(content, filename)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        self.check_extension(filename)
        import secrets

        path = await storage.save(
            f"{self.upload_to}{secrets.token_hex(_TOKEN_BYTES)}_{filename}", content.data
        )
        self._named(check_path, path)
        return path

    def _name_for(self, data: bytes) -> str:
        kind = detect_kind(data)
        return f"file.{EXTENSION_OF_KIND.get(kind, kind)}" if kind else "file.bin"

    def _named(self, check: Any, path: str) -> None:
        try:
            check(path)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None


class ImageField(FileField[T]):
    """A picture: a file with one of some extensions, whose content must be what the extension says.

    Args:
        upload_to: The directory in the storage.
        max_file_size: Most bytes; the setting `MAX_FILE_SIZE` when not given. `max_size` is another name for it.
        allowed_extensions: Extensions without the point; those of common pictures when not given. SVG is not among
            them, as it can hold scripts.
        max_length: Most characters of the path.
    """

    default_directory = "images/"

    @overload
    def __init__(
        self: ImageField[str | None],
        *,
        upload_to: str | None = ...,
        max_file_size: int | None = ...,
        allowed_extensions: Iterable[str] | None = ...,
        max_length: int | None = ...,
        max_size: int | None = ...,
        null: Literal[True] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: ImageField[str],
        *,
        upload_to: str | None = ...,
        max_file_size: int | None = ...,
        allowed_extensions: Iterable[str] | None = ...,
        max_length: int | None = ...,
        max_size: int | None = ...,
        null: Literal[False],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        upload_to: str | None = None,
        max_file_size: int | None = None,
        allowed_extensions: Iterable[str] | None = None,
        max_length: int | None = None,
        max_size: int | None = None,
        null: bool = True,
        **options: Unpack[FieldOptions],
    ) -> None:
        self._prepare(upload_to, max_file_size, max_length, max_size, null, options)
        if isinstance(allowed_extensions, str):
            raise TypeError(
                f"allowed_extensions={allowed_extensions!r} is one text; a list of extensions is wanted"
            )
        given = IMAGE_EXTENSIONS if allowed_extensions is None else allowed_extensions
        self.allowed_extensions = tuple(extension.lower().removeprefix(".") for extension in given)

    def check_form(self, text: str) -> None:
        """Check the extension of a path."""
        self.check_extension(text)

    def check_extension(self, filename: str) -> None:
        """Check that the extension is allowed."""
        extension = extension_of(clean_name(filename, self.max_length))
        if extension not in self.allowed_extensions:
            allowed = ", ".join(self.allowed_extensions)
            raise ValueError(f"{self.name}: the extension {extension!r} is not one of {allowed}")
